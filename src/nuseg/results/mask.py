"""The binary mask as PNG: 255 in a nucleus, 0 elsewhere."""

from pathlib import Path

import numpy as np

from nuseg.io.image import write_png


def write(mask: np.ndarray, path: Path) -> None:
    """Write a `(h, w)` bool mask as an 8-bit grey PNG of 0 and 255, whole or not at all."""
    write_png(path, np.where(mask, np.uint8(255), np.uint8(0)))
