"""Pictures of classes: outlines in their colours, and where on a source which class lies."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nuseg.io.atomic import atomic_path
from nuseg.io.image import write_png
from nuseg.io.opening import read_image
from nuseg.io.source import overview_shape
from nuseg.measure.class_counts import ClassCount
from nuseg.measure.classes import Colour
from nuseg.measure.density import CountGrid
from nuseg.measure.rasterise import draw_labels
from nuseg.plot.outlines import draw_outlines
from nuseg.results.facts import CLOSE_PX, QUALITY, as_jpeg, densest, field_side, shrunk
from nuseg.results.info import overview_side
from nuseg.types import RGB, Floats, Integers

if TYPE_CHECKING:
    from nuseg.classification.told import Told

SIGMA_UM = 12.0  # over which nuclei are spread: single ones are seen on an image, glands on a slide
OPACITY = 0.8
PERCENTILE = 90  # of the places with nuclei, from which on a colour is full
FONT, GAP, BOX = 16, 10, 14  # px
FAINT = 1e-3  # nuclei per px: nothing to see


def write_overlay(told: "Told", source: Path, path: Path) -> None:
    """Draw the outlines of an overlay anew, in the colours of the classes: a line covers the one that was there."""
    pixels = read_image(source).pixels
    numbers, polygons = [], []
    for ids, outlines in told.result.outlines():
        numbers.append(told.rows_of(source, ids) + 1)
        polygons += outlines
    labels = draw_labels(polygons, np.concatenate(numbers).astype(np.int32), pixels.shape[:2])
    write_png(path, draw_outlines(pixels, labels, row_colours(told)))


def row_colours(told: "Told") -> NDArray[np.uint8]:
    """Colour of each nucleus by its row, counted from 1: `(n + 1, 3)`."""
    colours = np.array(list(told.colours.values()), np.uint8)[told.classes]
    return np.concatenate([np.zeros((1, 3), np.uint8), colours])


def write_close(told: "Told", source: Path, path: Path) -> None:
    """Draw the densest part of an image anew, as the report shows it; without the image it stays as it was."""
    if told.source is None:
        with atomic_path(path) as temporary:
            shutil.copyfile(source, temporary)
        return
    size = told.source.width, told.source.height
    grid = count_grid(told, overview_shape(*size, overview_side(*size, told.result.mpp))[0], told.places)
    x, y, width, height = densest(grid, size, 1, field_side(told.result.mpp))[0]
    numbers: list[int] = []
    polygons: list[Floats] = []
    for ids, outlines in told.result.outlines():
        for row, outline in zip((told.rows_of(source, ids) + 1).tolist(), outlines, strict=True):
            (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
            if left < x + width and right > x and top < y + height and bottom > y:
                numbers.append(row)
                polygons.append(outline)
    labels = draw_labels(polygons, np.array(numbers, np.int32), (height, width), (x, y))
    drawn = draw_outlines(told.source.read(0, x, y, width, height), labels, row_colours(told))
    with atomic_path(path) as temporary:
        temporary.write_bytes(as_jpeg(shrunk(drawn, CLOSE_PX), QUALITY["close"]))


def write_picture(told: "Told", overlay: Path | None, path: Path) -> None:
    """Draw the classes with a legend: on the overlay where there is one, else as a map over the source made small."""
    drawn = read_image(overlay).pixels if overlay is not None else draw_class_map(told)
    write_png(path, with_legend(drawn, told.counts))


def draw_class_map(told: "Told") -> RGB:
    """Draw where which class lies over the source made small, or on white where it is not at hand."""
    mpp = told.result.mpp
    width, height = told.result.row.width or 1, told.result.row.height or 1
    side = overview_side(width, height, mpp)
    shape, factor = overview_shape(width, height, side)
    page = np.full((*shape, 3), 255, np.uint8) if told.source is None else told.source.thumbnail(side)
    parts = (told.places[told.classes == place] for place in range(len(told.names)))
    grids = [count_grid(told, shape, own) for own in parts]
    return class_map(page, np.stack(grids), list(told.colours.values()), SIGMA_UM / (mpp * factor))


def count_grid(told: "Told", shape: tuple[int, int], places: Floats) -> Integers:
    """Count nuclei in the cells of a grid over the source, `shape` (rows, columns)."""
    grid = CountGrid(shape, told.result.row.width or 1, told.result.row.height or 1)
    grid.add(places[:, 0], places[:, 1])
    return grid.counts


def class_map(page: RGB, counts: Integers, colours: list[Colour], sigma: float) -> RGB:
    """Tint a picture by the classes of the nuclei around each pixel.

    Parameters
    ----------
    page : (h, w, 3) uint8
    counts : (classes, h, w) integer
        Nuclei of each class in each pixel.
    colours : list of (r, g, b)
    sigma : float
        Over which nuclei are spread (px).

    Returns
    -------
    (h, w, 3) uint8
        The hue is the mean of the colours of the nuclei there, its opacity grows with their density.
    """
    smooth = np.array([cv2.GaussianBlur(one.astype(np.float32), (0, 0), max(sigma, 0.6)) for one in counts])
    total = smooth.sum(axis=0)
    hue: Floats = np.einsum("chw,ck->hwk", smooth, np.array(colours, np.float32))
    hue = hue / np.maximum(total, 1e-9)[..., None]
    there = total[total > FAINT]
    full = float(np.percentile(there, PERCENTILE)) if there.size else 1.0
    share = (OPACITY * np.minimum(total / full, 1))[..., None]
    return np.asarray((page * (1 - share) + hue * share).round(), np.uint8)


def with_legend(page: RGB, counts: list[ClassCount]) -> RGB:
    """Put below a picture the colour, name, number, share and density of every class, a line each."""
    height, width = page.shape[:2]
    full = max(width, 360)
    canvas = Image.new("RGB", (full, height + GAP + len(counts) * (FONT + GAP)), (255, 255, 255))
    canvas.paste(Image.fromarray(page), ((full - width) // 2, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT)
    for line, one in enumerate(counts):
        top = height + GAP + line * (FONT + GAP)
        draw.rectangle((GAP, top, GAP + BOX, top + BOX), one.colour)
        share = "" if one.share is None else f" ({one.share:.0%})"
        per_mm2 = "" if one.nuclei_per_mm2 is None else f", {one.nuclei_per_mm2:,.0f} per mm2"
        plain = one.name.encode("ascii", "replace").decode()  # the font has no characters beyond ASCII
        draw.text(
            (2 * GAP + BOX, top - 2),
            f"{plain}: {one.nuclei:,}{share}{per_mm2}",
            (0, 0, 0),
            font,
        )
    return np.asarray(canvas)
