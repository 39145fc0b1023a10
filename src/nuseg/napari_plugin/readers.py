"""What napari opens through nuseg: slides, outlines, folders of results, and datasets.

A reader is a function that napari asks for a path; it gives a function that reads it, or None where it is not ours.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.annotations.dataset_file import FILE
from nuseg.annotations.registry import format_of
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.pixels import MAX_PIXELS
from nuseg.napari_plugin.layers import LayerData, image_layer, labels_layer, placed
from nuseg.napari_plugin.stacks import dataset_layers, result_layers
from nuseg.results import summary
from nuseg.results.ownership import is_results_folder

Reader = Callable[[str], list[LayerData]]
Paths = str | Sequence[str]
PYRAMID = ".ome.zarr"
LARGEST = MAX_PIXELS // 10  # a label image of so many pixels is drawn as a whole: 400 MB


def slide_reader(path: Paths) -> Reader | None:
    """Read a slide as a pyramid, of which is read what is looked at."""
    if not isinstance(path, str):
        return None
    return lambda path: [image_layer(open_source(path))]


def outline_reader(path: Paths) -> Reader | None:
    """Read outlines, of nuseg or of other software, as labels that can be edited."""
    if not isinstance(path, str):
        return None
    return lambda path: [read_outlines(Path(path))]


def folder_reader(path: Paths) -> Reader | None:
    """Read a dataset, a folder of results or a label pyramid; other folders are left to napari."""
    if not isinstance(path, str):
        return None
    folder = Path(path)
    if (folder / FILE).is_file():
        return lambda path: dataset_layers(Path(path))
    if is_results_folder(folder):
        return lambda path: result_layers(Path(path))
    if is_label_pyramid(folder):
        return lambda path: [read_pyramid(Path(path))]
    return napari_reader(path)


def is_label_pyramid(folder: Path) -> bool:
    """Whether a folder is an OME-Zarr of labels, as the output `zarr` is."""
    try:
        return b'"image-label"' in (folder / ".zattrs").read_bytes()
    except OSError:
        return False


def napari_reader(path: str) -> Reader | None:
    """Give napari's own reader, which it does not ask where another one says that it reads folders."""
    try:
        from napari_builtins.io import napari_get_reader
    except ImportError:
        return None
    found: Reader | None = napari_get_reader(path)
    return found


def read_outlines(path: Path) -> LayerData:
    """Read the outlines of one image, and draw them on a label image that holds them all.

    Raises
    ------
    NusegError
        The file holds several images, points, or outlines too far away, or is damaged.
    """
    kind = format_of(path)
    images = kind.images(path) or [Path(path.name.removesuffix(".gz")).stem]
    if len(images) > 1:
        raise NusegError(f"{path}: expected the outlines of one image, found {len(images)}: split the file")
    drawn = kind.load(path, images[0])
    if drawn.polygons is None:
        raise NusegError(f"{path}: expected outlines of nuclei, found none ({kind.name})")
    corners = np.array([area.bounds[2:] for area in drawn.polygons if not area.is_empty] or [(1, 1)])
    width, height = (int(side) for side in np.ceil(corners.max(axis=0)))
    if width * height > LARGEST:
        raise NusegError(
            f"{path}: its outlines lie over {width} x {height} px, too many to draw at once: segment with the output "
            f"zarr, and open the folder NAME{PYRAMID}"
        )
    return labels_layer(drawn.label_image((height, width)), images[0], placed(drawn.canvas.mpp or mpp_beside(path)))


def mpp_beside(path: Path) -> float | None:
    """Give the resolution (um/px) that the summary states for a file in a folder of results; None elsewhere."""
    folder = path.parent.parent
    if not is_results_folder(folder):
        return None
    name = Path(path.name.removesuffix(".gz")).stem
    return next((row.mpp for row in summary.read(folder / summary.FILE) if row.name == name), None)


def read_pyramid(path: Path) -> LayerData:
    """Read a label pyramid as nuseg writes it (output zarr), part by part as it is looked at."""
    import dask.array as da
    import zarr

    group = zarr.open_group(path, mode="r")
    about: Any = group.attrs.asdict()
    datasets = about["multiscales"][0]["datasets"]
    levels = [da.from_zarr(group[dataset["path"]]) for dataset in datasets]
    mpp = float(datasets[0]["coordinateTransformations"][0]["scale"][-1])
    return labels_layer(levels if len(levels) > 1 else levels[0], path.name.removesuffix(PYRAMID), placed(mpp))
