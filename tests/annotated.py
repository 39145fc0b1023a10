"""Small annotated images for tests of datasets."""

from pathlib import Path

import numpy as np
import tifffile

from nuseg.io.image import write_png


def field(seed: int, height: int = 48, width: int = 56) -> tuple[np.ndarray, np.ndarray]:
    """A pink field with three dark squares of 8 px: (pixels (h, w, 3) uint8, labels (h, w) int32 1..3)."""
    noise = np.random.default_rng(seed).integers(-20, 20, (height, width, 3))
    pixels = np.array([225, 170, 205]) + noise
    labels = np.zeros((height, width), np.int32)
    for nucleus, (y, x) in enumerate([(5, 5), (20, 30), (36, 12)], start=1):
        labels[y : y + 8, x : x + 8] = nucleus
    pixels[labels > 0] -= 110
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def write_source(folder: Path, names: list[str], labels: str = "labels") -> Path:
    """Write images and label images as `folder/images/NAME.png` and `folder/labels/NAME.tif`."""
    for seed, name in enumerate(names):
        pixels, nuclei = field(seed)
        write_png(folder / "images" / f"{name}.png", pixels)
        (folder / labels).mkdir(exist_ok=True)
        tifffile.imwrite(folder / labels / f"{name}.tif", nuclei.astype(np.uint16))
    return folder
