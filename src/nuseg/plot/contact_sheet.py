"""One picture to judge a dataset by: a piece of each image with the annotated outlines."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nuseg.datasets.dataset import SPLITS, Dataset, Item, load_item
from nuseg.io.image import write_png
from nuseg.plot.outlines import draw_outlines
from nuseg.text import plural

WINDOW = 256
COLUMNS = 6
MAX_IMAGES = 48
SPLIT_COLOURS = {"train": (43, 108, 176), "validation": (192, 110, 20), "test": (160, 44, 110)}
_CAPTION = 36
_GAP = 8
_HEADER = 40


def write_contact_sheet(dataset: Dataset, path: Path) -> None:
    """Draw the contact sheet of a dataset and write it as PNG, whole or not at all."""
    shown = choose(dataset.items)
    tiles = []
    for item in shown:
        pixels, labels = load_item(item)
        tiles.append(thumbnail(pixels, labels, item))
    kind = "instances" if dataset.annotation == "instance" else "binary masks, touching nuclei merged"
    counts = ", ".join(f"{split} {len(dataset.split(split))}" for split in SPLITS if dataset.split(split))
    title = (
        f"{dataset.name}: {plural(len(dataset.items), 'image')} ({counts}), {kind}; shown: {len(shown)}, at full "
        f"resolution, {WINDOW} px where nuclei are densest"
    )
    write_png(path, sheet(tiles, title))


def choose(items: Sequence[Item], limit: int = MAX_IMAGES) -> list[Item]:
    """Up to `limit` items evenly spaced over each split, every split in proportion, in the order of the splits."""
    chosen: list[Item] = []
    for split in SPLITS:
        members = sorted((item for item in items if item.split == split), key=lambda item: item.name)
        count = min(len(members), max(1, limit * len(members) // len(items)))
        chosen += [members[k * len(members) // count] for k in range(count)] if members else []
    return chosen


def densest_window(labels: np.ndarray, size: int) -> tuple[slice, slice]:
    """Window of at most `size` x `size` pixels with the largest area of nuclei (rows, columns)."""
    height, width = min(size, labels.shape[0]), min(size, labels.shape[1])
    sums = cv2.integral((labels > 0).astype(np.uint8))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(y), int(y) + height), slice(int(x), int(x) + width)


def thumbnail(pixels: np.ndarray, labels: np.ndarray, item: Item) -> np.ndarray:
    """Piece of an image with outlines, framed in its split's colour, with name, split, group and count.

    Parameters
    ----------
    pixels : (h, w, 3) uint8 RGB
    labels : (h, w) int32
    item : Item

    Returns
    -------
    (WINDOW + caption, WINDOW, 3) uint8
    """
    window = densest_window(labels, WINDOW)
    piece = draw_outlines(pixels[window], labels[window])
    tile = np.full((WINDOW + _CAPTION, WINDOW, 3), 235, np.uint8)
    top, left = (WINDOW - piece.shape[0]) // 2, (WINDOW - piece.shape[1]) // 2
    tile[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    tile[WINDOW:] = SPLIT_COLOURS[item.split]
    canvas = Image.fromarray(tile)
    draw = ImageDraw.Draw(canvas)
    group = f", group {item.group}" if item.group != item.name else ""
    nuclei = plural(item.nuclei, "nucleus", "nuclei")
    for y, size, text in ((2, 13, item.name), (18, 12, f"{item.split}, {nuclei}{group}")):
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
