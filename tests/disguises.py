"""Small annotations in disguise: the same nuclei, stored in the ways that people meet."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image


def grid(numbers: int, side: int = 6, gap: int = 4, columns: int = 8) -> np.ndarray:
    """Draw `numbers` round nuclei in rows: (h, w) int32 of 1..numbers."""
    rows = -(-numbers // columns)
    step = side + gap
    labels = np.zeros((rows * step + gap, columns * step + gap), np.int32)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.int32)
    for index in range(numbers):
        y, x = gap + index // columns * step, gap + index % columns * step
        labels[y : y + side, x : x + side] = (index + 1) * disc
    return labels


def indexed(values: np.ndarray, *colours: tuple[int, int, int]) -> Image.Image:
    """Make a picture with a colour table."""
    picture = Image.fromarray(values.astype(np.uint8), "P")
    picture.putpalette([part for colour in colours for part in colour])
    return picture


def as_jpeg(values: np.ndarray) -> np.ndarray:
    """Give (h, w) uint8 values the artefacts of JPEG."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 0))


def save(path: Path, content: Any) -> Path:
    """Write an array or a Pillow image in the format of the name's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Image.Image):
        content.save(path)
    elif path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".tif":
        coloured = content.ndim == 3 and content.shape[2] == 3
        tifffile.imwrite(path, content, photometric="rgb" if coloured else "minisblack")
    else:
        Image.fromarray(content).save(path)
    return path
