"""Pictures of classes: outlines in their colours, and where on a source which class lies."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nuseg.io.image import write_png
from nuseg.io.opening import read_image
from nuseg.io.source import overview_shape
from nuseg.measure.classes import Colour
from nuseg.measure.density import CountGrid
from nuseg.measure.rasterise import draw_labels
from nuseg.plot.outlines import draw_outlines
from nuseg.results.info import overview_side
from nuseg.types import RGB, Floats, Integers

if TYPE_CHECKING:
    from nuseg.classification.writing import Told

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
    write_png(path, coloured_outlines(pixels, labels, told.classes, list(told.colours.values())))


def coloured_outlines(pixels: RGB, labels: Integers, classes: Integers, colours: list[Colour]) -> RGB:
    """Draw the outline of every nucleus in the colour of its class.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
    labels : (h, w) integer
        0 = background, n = the nucleus whose class is `classes[n - 1]`.
    classes : (n,) int64
        Places in `colours`.
    colours : list of (r, g, b)
    """
    class_of = np.concatenate([[-1], classes])
    drawn = pixels
    for place, colour in enumerate(colours):
        drawn = draw_outlines(drawn, np.where(class_of[labels] == place, labels, 0), colour)
    return drawn


def write_picture(told: "Told", overlay: Path | None, path: Path) -> None:
    """Draw the classes with a legend: on the overlay where there is one, else as a map over the source made small."""
    drawn = read_image(overlay).pixels if overlay is not None else draw_class_map(told)
    write_png(path, with_legend(drawn, told.colours, told.counts(), told.result.row.area_mm2))


def draw_class_map(told: "Told") -> RGB:
    """Draw where which class lies over the source made small, or on white where it is not at hand."""
    mpp = told.result.mpp
    width, height = told.result.row.width or 1, told.result.row.height or 1
    side = overview_side(width, height, mpp)
    shape, factor = overview_shape(width, height, side)
    page = np.full((*shape, 3), 255, np.uint8) if told.source is None else told.source.thumbnail(side)
    grids = []
    for place in range(len(told.colours)):
        grid = CountGrid(page.shape[:2], width, height)
        own = told.places[told.classes == place]
        grid.add(own[:, 0], own[:, 1])
        grids.append(grid.counts)
    return class_map(page, np.stack(grids), list(told.colours.values()), SIGMA_UM / (mpp * factor))


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


def with_legend(page: RGB, colours: dict[str, Colour], counts: dict[str, int], area_mm2: float | None) -> RGB:
    """Put below a picture the colour, name, number and density of every class, a line each."""
    height, width = page.shape[:2]
    full = max(width, 360)
    canvas = Image.new("RGB", (full, height + GAP + len(colours) * (FONT + GAP)), (255, 255, 255))
    canvas.paste(Image.fromarray(page), ((full - width) // 2, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT)
    total = max(sum(counts.values()), 1)
    for line, (name, colour) in enumerate(colours.items()):
        top = height + GAP + line * (FONT + GAP)
        draw.rectangle((GAP, top, GAP + BOX, top + BOX), colour)
        per_mm2 = f", {counts[name] / area_mm2:,.0f} per mm2" if area_mm2 else ""
        plain = name.encode("ascii", "replace").decode()  # the font has no characters beyond ASCII
        draw.text(
            (2 * GAP + BOX, top - 2),
            f"{plain}: {counts[name]:,} ({counts[name] / total:.0%}){per_mm2}",
            (0, 0, 0),
            font,
        )
    return np.asarray(canvas)
