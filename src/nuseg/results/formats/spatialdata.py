"""A result as SpatialData: image, outlines and table in one Zarr folder, for squidpy and others of scverse."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder
from nuseg.io.opening import open_source
from nuseg.io.pyramid import lazy_levels
from nuseg.io.source import Source
from nuseg.results.formats.anndata import as_anndata, storable, stored_names
from nuseg.results.formats.geoparquet import as_geometries
from nuseg.results.output import Output, require_packages, written_whole

if TYPE_CHECKING:
    import spatialdata

    from nuseg.results.segmentation import Segmentation

IMAGE, SHAPES, TABLE = "image", "nuclei", "table"  # names of the elements
REGION, INSTANCE = "region", "id"  # columns that link the table's rows with the shapes
CHANNELS = ["r", "g", "b"]


def as_spatialdata(result: "Segmentation", image: bool = True) -> "spatialdata.SpatialData":
    """Bring a result to SpatialData.

    Parameters
    ----------
    result : Segmentation
        Has to stay open while the image is in use: its pixels are read when they are asked for.
    image : bool
        With the image.

    Returns
    -------
    SpatialData
        `images["image"]`, a pyramid of RGB; `shapes["nuclei"]`, the outlines, by id; `tables["table"]`, the AnnData of
        `as_anndata`, which annotates them. Where nothing was found there are no shapes. Coordinate systems: "px" and
        "global" in px of level 0, "um" in um.
    """
    import geopandas
    from spatialdata import SpatialData
    from spatialdata.models import ShapesModel, TableModel

    with quiet():
        table, found = as_anndata(result), {}
        table.obs.columns = stored_names(table.obs)
        if len(result):
            ids = result.nuclei["id"].to_numpy(np.int64)
            outlines = geopandas.GeoDataFrame(
                geometry=list(as_geometries(result.polygons)), index=pd.Index(ids, name=INSTANCE)
            )
            found[SHAPES] = ShapesModel.parse(outlines, transformations=systems(result.mpp))
            names = pd.Index([SHAPES], dtype=object)  # AnnData does not write strings of Arrow
            table.obs[REGION] = pd.Categorical.from_codes(np.zeros(len(ids), int), names)
            table.obs[INSTANCE] = ids
            table = TableModel.parse(table, region=SHAPES, region_key=REGION, instance_key=INSTANCE)
        images = {IMAGE: as_image(result.source, result.mpp)} if image else {}
        about = storable(result.info.about()) | {"width": result.info.width, "height": result.info.height}
        return SpatialData(images=images, shapes=found, tables={TABLE: table}, attrs={"nuseg": about})


def as_image(source: Source, mpp: float) -> Any:
    """Give a source as an image of SpatialData, `(c, y, x)` uint8 in levels that are read when they are asked for."""
    from spatialdata.models import Image2DModel
    from spatialdata.transformations import set_transformation
    from xarray import DataArray, Dataset, DataTree

    levels = [level.transpose(2, 0, 1) for level in lazy_levels(source)]
    if len(levels) == 1:
        return Image2DModel.parse(levels[0], c_coords=CHANNELS, transformations=systems(mpp))
    finest = levels[0].shape
    scales = {}
    for number, level in enumerate(levels):
        # Pixels' middles in px of level 0, as SpatialData keeps them.
        places = {
            axis: (np.arange(side) + 0.5) * whole / side
            for axis, side, whole in zip("yx", level.shape[1:], finest[1:], strict=True)
        }
        array = DataArray(level, dims=("c", "y", "x"), coords={"c": CHANNELS, **places}, name=IMAGE)
        scales[f"scale{number}"] = Dataset({IMAGE: array})
    image = DataTree.from_dict(scales)
    set_transformation(image, systems(mpp), set_all=True)
    return image


def systems(mpp: float) -> dict[str, Any]:
    """Say how px of level 0 become the coordinates of each system."""
    from spatialdata.transformations import Identity, Scale

    return {"global": Identity(), "px": Identity(), "um": Scale([mpp, mpp], axes=("x", "y"))}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of other packages to themselves: nothing that a user could mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def write_copy(path: Path, result: "Segmentation") -> None:
    """Write a result with its image, whole or not at all; the pixels are copied part by part in little memory."""
    write(path, as_spatialdata(result))


def write(path: Path, made: "spatialdata.SpatialData") -> None:
    """Write a Zarr folder that appears when it is whole."""
    with quiet(), atomic_folder(path) as folder:
        folder.rmdir()  # SpatialData makes it itself
        made.write(folder, update_sdata_path=False)


def read_spatialdata(path: str | Path) -> "spatialdata.SpatialData":
    """Read what the outputs `spatialdata` and `spatialdata-reference` wrote, the latter with its image from its file.

    Parameters
    ----------
    path : path
        The folder. An image that is only named is read when it is asked for.

    Raises
    ------
    NusegError
        A package is missing, or the image's file is no more where it was, or is another one.
    """
    require_packages("read_spatialdata", ("spatialdata",), "spatialdata")
    from spatialdata import read_zarr

    with quiet():
        held = read_zarr(path)
        about = held.attrs.get("nuseg", {})
        if about.get("image"):
            source = open_source(about["image"])
            if (source.width, source.height) != (about["width"], about["height"]):
                raise NusegError(
                    f"{source.where}: expected {about['width']} x {about['height']} px, as {path} says, found "
                    f"{source.width} x {source.height} px; put the image there that was segmented"
                )
            held.images[IMAGE] = as_image(source, about["mpp"])
    return held


OUTPUT = Output(
    name="spatialdata",
    suffix=".zarr",
    help="image, outlines and table as SpatialData, for napari-spatialdata and squidpy",
    open=written_whole(write_copy),
    needs=("spatialdata",),
    extra="spatialdata",
)
