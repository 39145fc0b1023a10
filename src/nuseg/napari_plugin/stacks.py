"""Many images in one layer, one behind the other: datasets and folders of results, read as the slider moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuseg.annotations.formats.results import FORMAT as RESULTS
from nuseg.datasets.dataset import Dataset, Item, load_item, load_pixels, load_points
from nuseg.errors import NusegError
from nuseg.io.opening import open_source, read_image
from nuseg.io.reader import MIN_SLIDE_PIXELS
from nuseg.napari_plugin.layers import KEY, LayerData, image_layer, labels_layer, placed
from nuseg.results import summary
from nuseg.results.summary import Row
from nuseg.text import plural

if TYPE_CHECKING:
    import dask.array

Shape = tuple[int, int]


@dataclass(frozen=True)
class Page:
    """One image of a stack: its size (px), resolution (um/px), and what reads its pixels and its labels."""

    name: str
    shape: Shape
    mpp: float | None
    pixels: Callable[[], np.ndarray] | None
    labels: Callable[[], np.ndarray] | None


def dataset_layers(folder: Path) -> list[LayerData]:
    """Read a dataset: images and label images, or points, in two layers."""
    dataset = Dataset.load(folder)
    pages = [dataset_page(item) for item in dataset.items]
    layers = stack_layers(pages, dataset.name)
    if dataset.annotation == "points":
        layers.append(points_layer(dataset.items, common_mpp(pages), dataset.name))
    return layers


def dataset_page(item: Item) -> Page:
    """Say how an image of a dataset is read."""
    with open_source(item.image) as source:
        shape = source.height, source.width
    labels = None if item.label is None else partial(labels_of, item)
    return Page(item.name, shape, item.mpp, partial(load_pixels, item), labels)


def labels_of(item: Item) -> np.ndarray:
    """Read an item's label image."""
    return load_item(item)[1]


def points_layer(items: Sequence[Item], mpp: float | None, name: str) -> LayerData:
    """Give the points of all images of a dataset, as `(n, 3)`: image, y, x."""
    places = [np.zeros((0, 3))]
    for number, item in enumerate(items):
        xy = load_points(item).xy - 0.5  # napari counts from the middle of the first pixel
        places.append(np.column_stack([np.full(len(xy), number), xy[:, 1], xy[:, 0]]))
    properties = {"name": f"{name} nuclei", "size": 8, "face_color": "yellow", **placed(mpp, 3)}
    return np.concatenate(places), properties, "points"


def result_layers(folder: Path) -> list[LayerData]:
    """Read a folder of results: of one image its pyramid and labels, of several a stack of each.

    Raises
    ------
    NusegError
        No image has outlines or labels, or there are several and one is too large for a stack.
    """
    named = set(RESULTS.index(folder))
    rows = [row for row in summary.read(folder / summary.FILE) if row.name in named and row.width and row.height]
    if not rows:
        raise NusegError(
            f"{folder}: expected results with outlines or labels, found none: segment with geojson or labels"
        )
    if len(rows) == 1:
        return one_result(folder, rows[0])
    for row in rows:
        if (row.width or 0) * (row.height or 0) > MIN_SLIDE_PIXELS:
            raise NusegError(
                f"{folder}: {plural(len(rows), 'image')}, and {row.name} has {row.width} x {row.height} px, too many "
                "for a stack: open its image, then its file in the folder geojson or zarr"
            )
    return stack_layers([result_page(folder, row) for row in rows], folder.name)


def one_result(folder: Path, row: Row) -> list[LayerData]:
    """Read the only image of a folder of results, where its file still is, and its nuclei."""
    page = result_page(folder, row)
    assert page.labels is not None
    labels = labels_layer(page.labels(), f"{row.name} nuclei", placed(row.mpp))
    if page.pixels is None:
        return [labels]
    pixels, properties, kind = image_layer(open_source(row.image), row.name)
    return [(pixels, properties | placed(row.mpp), kind), labels]


def result_page(folder: Path, row: Row) -> Page:
    """Say how an image and its results are read."""
    shape = row.height or 0, row.width or 0
    pixels = partial(pixels_of, row.image) if Path(row.image).is_file() else None
    return Page(row.name, shape, row.mpp, pixels, partial(nuclei_of, folder, row.name, shape))


def pixels_of(image: str) -> np.ndarray:
    """Read a whole image."""
    return read_image(image).pixels


def nuclei_of(folder: Path, name: str, shape: Shape) -> np.ndarray:
    """Draw the label image of a result."""
    return RESULTS.load(folder, name, shape).label_image(shape)


def common_mpp(pages: Sequence[Page]) -> float | None:
    """Give the resolution (um/px) that all images have, or None where they differ."""
    found = {page.mpp for page in pages}
    return found.pop() if len(found) == 1 else None


def stack_layers(pages: Sequence[Page], name: str) -> list[LayerData]:
    """Put images behind one another: a layer of pixels where there are any, and one of labels."""
    height, width = (max(page.shape[axis] for page in pages) for axis in (0, 1))
    place = placed(common_mpp(pages), 3)
    layers: list[LayerData] = []
    if any(page.pixels for page in pages):
        metadata = {KEY: {"images": [page.name for page in pages]}}
        pixels = stacked([delayed(page, page.pixels, (3,), np.uint8, 255, (height, width)) for page in pages])
        layers.append((pixels, {"name": name, "rgb": True, "metadata": metadata, **place}, "image"))
    if any(page.labels for page in pages):
        labels = stacked([delayed(page, page.labels, (), np.int32, 0, (height, width)) for page in pages])
        layers.append(labels_layer(labels, f"{name} nuclei", place))
    return layers


def delayed(
    page: Page, read: Callable[[], np.ndarray] | None, channels: tuple[int, ...], dtype: Any, empty: int, size: Shape
) -> "dask.array.Array":
    """Give an image that is read when it is looked at, in the upper left corner of an empty one of `size`."""
    import dask.array as da
    from dask.delayed import delayed as later

    def make() -> np.ndarray:
        canvas = np.full((*size, *channels), empty, dtype)
        if read is not None:
            canvas[: page.shape[0], : page.shape[1]] = read()
        return canvas

    image: da.Array = da.from_delayed(later(make, pure=False)(), (*size, *channels), dtype)
    return image


def stacked(images: Sequence["dask.array.Array"]) -> "dask.array.Array":
    """Put images of one size behind one another."""
    import dask.array as da

    stack: da.Array = da.stack(images)
    return stack
