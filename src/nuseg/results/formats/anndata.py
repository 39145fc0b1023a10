"""Nuclei as AnnData (`.h5ad`), which scanpy, squidpy and scverse's other tools read."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.classes import CLASS, Colour, class_colours, hexadecimal
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.info import versions
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    import anndata

    from nuseg.results.segmentation import Segmentation

PLACES = {"spatial": ["x_px", "y_px"], "spatial_um": ["x_um", "y_um"]}
SLASH = re.compile("/")  # which HDF5 takes for a folder
FOREIGN = re.compile(r"[^\w.-]")  # what names in SpatialData do not have
VARIABLES = [name for name in COLUMNS if name not in ("id", "area_px", *PLACES["spatial"], *PLACES["spatial_um"])]


def as_anndata(result: "Segmentation") -> "anndata.AnnData":
    """Bring nuclei to AnnData; less than 200 MB for a million of them.

    `X` has the measures `VARIABLES` in float32, `obs_names` the ids, `obsm["spatial"]` the centroids in px of level 0,
    `obsm["spatial_um"]` the same in um, `uns["nuseg"]` source, resolution, model, notes, settings and versions; `obs`
    the class of each nucleus with its probabilities, where the model tells classes (`uns["class_colors"]` has their
    colours), and the annotated area that holds it, where there are some.
    """
    import anndata

    nuclei = result.nuclei
    # Strings as objects: AnnData does not write those of Arrow.
    ids = pd.Index([str(number) for number in nuclei["id"]], dtype=object)
    names, meanings = pd.Index(VARIABLES, dtype=object), [COLUMNS[name] for name in VARIABLES]
    about = result.info.about() | {f"version_{package}": number for package, number in versions().items()}
    about |= {"notes": "\n".join(result.notes), "settings": result.info.settings}
    obs, colours = nuclei[result.info.columns.beside_measures].set_index(ids), class_colours(result.info.classes)
    obs.columns = stored_names(obs, SLASH)
    if colours:
        obs[CLASS] = pd.Categorical(obs[CLASS], pd.Index(list(colours), dtype=object))
    return anndata.AnnData(
        X=nuclei[VARIABLES].to_numpy(np.float32),
        obs=obs,
        var=pd.DataFrame({"meaning": pd.Series(meanings, names, dtype=object)}, index=names),
        obsm={name: nuclei[columns].to_numpy(np.float64) for name, columns in PLACES.items()},
        uns={"nuseg": storable(about)} | as_palette(colours),
    )


def as_palette(colours: Mapping[str, Colour]) -> dict[str, np.ndarray]:
    """Colours of classes where scanpy and squidpy look for them; nothing without classes."""
    return {f"{CLASS}_colors": np.array(list(map(hexadecimal, colours.values())), object)} if colours else {}


def stored_names(table: pd.DataFrame, foreign: "re.Pattern[str]" = FOREIGN) -> pd.Index:
    """Names of columns without `foreign` characters, which a store does not take; no two differ by case alone."""
    found: list[str] = []
    for name in table:
        plain = own = foreign.sub("_", str(name))
        number = 2
        while own.lower() in map(str.lower, found):
            own, number = f"{plain}_{number}", number + 1
        found.append(own)
    names: pd.Index = pd.Index(np.array(found, object))
    return names


def storable(value: Any) -> Any:
    """Give a value as HDF5 can store it: numbers stay numbers, what is None is left out."""
    if isinstance(value, dict):
        return {key: storable(held) for key, held in value.items() if held is not None}
    return value


def write_result(path: Path, result: "Segmentation") -> None:
    """Write a compressed `.h5ad`, whole or not at all.

    It is made in memory first, because HDF5 crashes after a disk that was full.
    """
    import h5py
    from anndata.io import write_elem

    content = io.BytesIO()
    with atomic_path(path) as temporary:
        temporary.touch()  # a folder that cannot be written fails now, not after the work
        with h5py.File(content, "w") as file:
            write_elem(file, "/", as_anndata(result), dataset_kwargs={"compression": "gzip"})
        temporary.write_bytes(content.getbuffer())


OUTPUT = Output(
    name="anndata",
    suffix=".h5ad",
    help="measures and centroids for scanpy and squidpy",
    open=written_whole(write_result),
    needs=("anndata", "h5py"),
    extra="anndata",
)
