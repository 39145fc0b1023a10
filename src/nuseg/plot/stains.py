"""An image before and after normalisation, and each of its stains alone, for the eye."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nuseg.types import RGB

PANEL = 800  # px of a panel's longer side
COLUMNS = 2
CAPTION, GAP = 26, 8  # px


def draw_panels(panels: Sequence[tuple[str, RGB]]) -> RGB:
    """Lay pictures out in two columns, each under its caption.

    Parameters
    ----------
    panels : sequence of (str, (h, w, 3) uint8)
        Captions and RGB pictures; larger ones are made smaller.

    Returns
    -------
    (h', w', 3) uint8
    """
    drawn = [captioned(caption, pixels) for caption, pixels in panels]
    width = max(panel.shape[1] for panel in drawn)
    rows = [
        np.concatenate([framed(panel, max(p.shape[0] for p in row), width) for panel in row], axis=1)
        for row in (drawn[at : at + COLUMNS] for at in range(0, len(drawn), COLUMNS))
    ]
    widest = max(row.shape[1] for row in rows)
    return np.concatenate([framed(row, row.shape[0], widest, gap=0) for row in rows])


def captioned(caption: str, pixels: RGB) -> RGB:
    """Put a caption over a picture, brought to a panel's size."""
    shrink = min(1.0, PANEL / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    font = ImageFont.load_default(15)
    width = max(size[0], int(font.getlength(caption)) + 2)
    strip = Image.new("RGB", (width, CAPTION), "white")
    ImageDraw.Draw(strip).text((1, 4), caption, fill="black", font=font)
    return np.concatenate([np.asarray(strip), framed(small, size[1], width, gap=0)])


def framed(pixels: RGB, height: int, width: int, gap: int = GAP) -> RGB:
    """Set a picture in the upper left of a white one, with a gap on its right and below."""
    page = np.full((height + gap, width + gap, 3), 255, np.uint8)
    page[: pixels.shape[0], : pixels.shape[1]] = pixels
    return page
