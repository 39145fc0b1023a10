"""Maps as bytes: what is kept of a network's numbers."""

import cv2
import numpy as np

from nuseg.types import RGB, Floats

FULL_MAP = 255


def quantise(maps: Floats) -> RGB:
    """Bring maps `(k, h, w)` of 0..1 to uint8 0..255, rounded."""
    quantised = np.empty(maps.shape, np.uint8)
    for plane, made in zip(maps, quantised, strict=True):  # a part of larger maps is not copied first
        # OpenCV rounds as numpy does, to even, cuts at 255, and takes a third of the time.
        cv2.convertScaleAbs(np.maximum(plane, 0), made, alpha=FULL_MAP)
    return quantised
