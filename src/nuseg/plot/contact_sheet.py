"""One picture to judge a dataset by: a piece of each image with the annotated outlines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nuseg.plot.outlines import draw_outlines
from nuseg.types import RGB, LabelImage

WINDOW = 256
COLUMNS = 6
_CAPTION = 36
_GAP = 8
_HEADER = 40


@dataclass(frozen=True, eq=False)
class Shown:
    """An annotated image of a contact sheet.

    Attributes
    ----------
    name : str
    caption : str
        Second line of text.
    colour : (r, g, b), 0..255
        Behind the text.
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32
    """

    name: str
    caption: str
    colour: tuple[int, int, int]
    pixels: RGB
    labels: LabelImage


def densest_window(labels: np.ndarray, size: int) -> tuple[slice, slice]:
    """Window of at most `size` x `size` pixels with the largest area of nuclei (rows, columns)."""
    height, width = min(size, labels.shape[0]), min(size, labels.shape[1])
    sums = cv2.integral((labels > 0).astype(np.uint8))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(y), int(y) + height), slice(int(x), int(x) + width)


def thumbnail(shown: Shown) -> np.ndarray:
    """Piece of an image with outlines, with its name and caption on its colour: (WINDOW + caption, WINDOW, 3) uint8."""
    window = densest_window(shown.labels, WINDOW)
    piece = draw_outlines(shown.pixels[window], shown.labels[window])
    tile = np.full((WINDOW + _CAPTION, WINDOW, 3), 235, np.uint8)
    top, left = (WINDOW - piece.shape[0]) // 2, (WINDOW - piece.shape[1]) // 2
    tile[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    tile[WINDOW:] = shown.colour
    canvas = Image.fromarray(tile)
    draw = ImageDraw.Draw(canvas)
    for y, size, text in ((2, 13, shown.name), (18, 12, shown.caption)):
        font = ImageFont.load_default(size)
        draw.text((5, WINDOW + y), fit(text, WINDOW - 10, font.getlength), fill="white", font=font)
    return np.asarray(canvas)


def sheet(tiles: Sequence[np.ndarray], title: str) -> np.ndarray:
    """Lay tiles of one size out in a grid under a title: (h, w, 3) uint8."""
    tile_height, tile_width = tiles[0].shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    width = max(columns, 4) * (tile_width + _GAP) + _GAP
    page = np.full((_HEADER + rows * (tile_height + _GAP), width, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        y = _HEADER + (place // columns) * (tile_height + _GAP)
        x = _GAP + (place % columns) * (tile_width + _GAP)
        page[y : y + tile_height, x : x + tile_width] = tile
    canvas = Image.fromarray(page)
    font = ImageFont.load_default(16)
    title = fit(title, width - 2 * _GAP, font.getlength)
    ImageDraw.Draw(canvas).text((_GAP, 10), title, fill="black", font=font)
    return np.asarray(canvas)


def fit(text: str, width: float, length: Callable[[str], float]) -> str:
    """Cut the middle out of a text that is longer than `width` as `length` measures it."""
    shortened, kept = text, len(text)
    while length(shortened) > width and kept > 2:
        kept -= 1
        shortened = f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"
    return shortened
