"""What the widget does: an area of a layer to nuclei. Needs no window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.source import Source
from nuseg.model.store import Quality, has_own_model
from nuseg.napari_plugin.layers import KEY, LayerData, labels_layer
from nuseg.napari_plugin.readers import LARGEST
from nuseg.progress import ProgressCallback
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.region import Region
from nuseg.segmentation.segmenter import segment
from nuseg.text import plural

PIXEL_MIDDLE = 0.5  # napari counts from the middle of the first pixel, nuseg from its corner
UNITS = {"micrometer": 1.0, "millimeter": 1000.0, "nanometer": 0.001}


@dataclass(frozen=True)
class Task:
    """An area of a layer to segment.

    Attributes
    ----------
    layer : napari.layers.Image
    step : tuple of int
        Which image of a stack; as the viewer's sliders stand.
    corners : sequence of (k, 2) float, optional
        y and x of the corners of each polygon of the area, in px of the layer as napari counts; None = all of it.
    mpp : float, optional
        Resolution (um/px); None = what layer or file say.
    quality : {"fast", "light", "default", "best"}
    model : str, optional
        A model folder or run folder, in place of the shipped model.
    """

    layer: Any
    step: tuple[int, ...] = ()
    corners: Sequence[np.ndarray] | None = None
    mpp: float | None = None
    quality: Quality = "default"
    model: str | None = None


@dataclass(frozen=True)
class Found:
    """What came of a task: a layer to add, and what to say."""

    layer: LayerData
    text: str
    notes: tuple[str, ...]


def do(task: Task, progress: ProgressCallback | None = None) -> Found:
    """Segment an area of a layer.

    Raises
    ------
    NusegError
        The layer is no RGB or grey image, the area is empty or too large, or the resolution is implausible.
    """
    region = None if task.corners is None else as_region(task.corners)
    mpp = task.mpp or layer_mpp(task.layer)
    with source_of(task.layer, task.step) as source:
        box = box_of(region, source)
        result = segment(
            source, mpp, task.model, quality=quality_of(task), region=region, tissue=None, progress=progress
        )
        return found_in(result, task, box)


def quality_of(task: Task) -> Quality | None:
    """Give the quality; of a model of one's own there is only default and best."""
    return None if task.model and has_own_model(task.quality) else task.quality


def source_of(layer: Any, step: tuple[int, ...]) -> Source:
    """Give the pixels of a layer: from its file where nuseg opened it, else as they are.

    Raises
    ------
    NusegError
        It is no image of two axes, with or without colours.
    """
    path = layer.metadata.get(KEY, {}).get("path")
    if path is not None:
        return open_source(path)
    pixels = layer.data[0] if layer.multiscale else layer.data
    axes = pixels.ndim - (1 if layer.rgb else 0)
    if axes > 2:
        pixels = pixels[tuple(step[: axes - 2])]
    if pixels.ndim < 2:
        raise NusegError(f"layer {layer.name}: expected an image, found {plural(axes, 'axis', 'axes')}")
    return open_source(np.asarray(pixels))


def layer_mpp(layer: Any) -> float | None:
    """Give the resolution of a layer (um/px) where its units are lengths, else None."""
    unit = str(layer.units[-1])
    factor = UNITS.get(unit)
    return None if factor is None else float(layer.scale[-1]) * factor


def as_region(corners: Sequence[np.ndarray]) -> Region:
    """Make a region of polygons as napari counts; those without an area are left out.

    Raises
    ------
    NusegError
        None has an area.
    """
    rings = [np.asarray(polygon, float)[:, ::-1] + PIXEL_MIDDLE for polygon in corners if len(polygon) > 2]
    rings = [ring for ring in rings if shapely.Polygon(ring).area > 0]
    if not rings:
        raise NusegError("area: expected at least one polygon or rectangle, found none; draw one in a Shapes layer")
    return Region(tuple((ring,) for ring in rings), "drawn in napari")


def box_of(region: Region | None, source: Source) -> tuple[int, int, int, int]:
    """Give x, y, width and height (px) of what is to be drawn.

    Raises
    ------
    NusegError
        The area lies outside the image, or is too large to be drawn at once.
    """
    whole = shapely.box(0, 0, source.width, source.height)
    area = whole if region is None else whole.intersection(region.area)
    if area.is_empty:
        raise NusegError(f"{source.where}: the area lies outside the image; draw it on the image")
    left, top = (int(np.floor(side)) for side in area.bounds[:2])
    right, bottom = (int(np.ceil(side)) for side in area.bounds[2:])
    width, height = right - left, bottom - top
    if width * height > LARGEST:
        raise NusegError(
            f"{source.where}: {width} x {height} px are too many to draw at once; choose a smaller area, or use "
            "`nuseg segment` and open its results"
        )
    return left, top, width, height


def found_in(result: Segmentation, task: Task, box: tuple[int, int, int, int]) -> Found:
    """Draw the nuclei of a result as a layer that lies on the one that was segmented, and say what was found."""
    layer, (left, top, width, height) = task.layer, box
    labels = result.read_labels(left, top, width, height)
    side = np.asarray(layer.scale[-2:], float)
    place: dict[str, Any] = {
        "scale": tuple(side),
        "translate": tuple(np.asarray(layer.translate[-2:], float) + side * (top, left)),
        "units": tuple(str(unit) for unit in layer.units[-2:]),
        "metadata": {KEY: {"summary": result.summary}},
    }
    density = "" if not result.info.density_mm2 else f", {result.nuclei_per_mm2:,.0f} per mm²"
    text = f"{plural(len(result), 'nucleus', 'nuclei')}{density} at {result.mpp:g} µm/px, model {result.model_name}"
    return Found(labels_layer(labels, f"{layer.name} nuclei", place, result.nuclei), text, result.notes)


def in_view(layer: Any) -> list[np.ndarray]:
    """Give the corners of the part of a layer that is seen, y and x in px of its finest level.

    Of a pyramid napari knows it in whole parts of 1024 px of the level that is shown.
    """
    factors = np.ones(2)
    if layer.multiscale:
        factors = np.asarray(layer.downsample_factors[layer.data_level], float)[-2:]
    first, last = np.asarray(layer.corner_pixels, float)[:, -2:]  # pixels of the level that is shown
    (top, left), (bottom, right) = first * factors, (last + 1) * factors
    return [np.array([(top, left), (top, right), (bottom, right), (bottom, left)]) - PIXEL_MIDDLE]


def drawn_in(shapes: Any, layer: Any) -> list[np.ndarray]:
    """Give the corners of all shapes of a Shapes layer, y and x in px of another layer."""
    found = []
    for corners in shapes.data:
        places = [layer.world_to_data(shapes.data_to_world(corner))[-2:] for corner in corners]
        found.append(np.array(places))
    return found
