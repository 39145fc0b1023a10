"""Maps to nuclei: marker-controlled watershed on the normalised distance (Beucher & Meyer 1993)."""

import cv2
import numpy as np
from skimage.segmentation import watershed

from nuseg.model.config import Thresholds


def separate(maps: np.ndarray, thresholds: Thresholds, mpp: float) -> np.ndarray:
    """Separate the nuclei of a mask.

    Every pixel whose distance reaches the marker threshold seeds its connected component; the seeds grow over the
    mask, from high distance to low, until they meet. A piece of mask without a seed becomes one nucleus.

    The result at a pixel depends only on its connected piece of the mask, so a window that holds the whole piece
    gives the same nuclei as the whole image.

    Parameters
    ----------
    maps
        `(2, height, width)` float32 in 0..1: mask probability, normalised distance.
    thresholds
        Of the model.
    mpp
        Resolution of the maps (um/px).

    Returns
    -------
    np.ndarray
        Label image `(height, width)` int32; 0 = background, 1..N = nuclei, each one 4-connected piece.
    """
    probability, distance = maps
    mask = fill_holes(probability >= thresholds.mask)
    if thresholds.smoothing:
        distance = cv2.GaussianBlur(distance, (0, 0), thresholds.smoothing)
    seeds = mask & (distance >= thresholds.marker)
    count, markers = cv2.connectedComponents(seeds.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    markers, count = seed_unseeded(mask, markers, count)
    labels = grow(markers, distance, mask)
    return drop_doubtful(labels, probability, thresholds.min_area_um2 / mpp**2, thresholds.min_probability)


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill the holes of a mask: background pieces (8-connected) that do not reach the border of the image."""
    background = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, pieces = cv2.connectedComponents(background, connectivity=8, ltype=cv2.CV_32S)
    return pieces[1:-1, 1:-1] != pieces[0, 0]


def seed_unseeded(mask: np.ndarray, markers: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Make every 4-connected piece of the mask that holds no marker a marker itself."""
    pieces_count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    seeded = np.zeros(pieces_count, bool)
    seeded[pieces[markers > 0]] = True
    seeded[0] = True
    total = count + int(np.count_nonzero(~seeded))
    number = np.zeros(pieces_count, np.int32)
    number[~seeded] = np.arange(count, total)
    return markers + number[pieces], total


def grow(markers: np.ndarray, distance: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Grow markers over a mask in order of falling distance until they meet.

    Marker pixels come first, each at a level of its own in reading order: what would be a tie between them is
    decided the same way whatever else the image holds.
    """
    level = -distance.astype(np.float64)
    seeds = np.flatnonzero(markers)
    level.flat[seeds] = -3 + seeds / max(level.size, 1)
    return watershed(level, markers, mask=mask).astype(np.int32, copy=False)


def drop_doubtful(labels: np.ndarray, probability: np.ndarray, min_area: float, min_probability: float) -> np.ndarray:
    """Remove nuclei under an area (px) or a mean mask probability, and number the others 1..N in their order."""
    area = np.bincount(labels.ravel())
    total = np.bincount(labels.ravel(), weights=probability.ravel())
    keep = (area >= min_area) & (total >= min_probability * area)
    keep[0] = False
    return (np.cumsum(keep, dtype=np.int32) * keep)[labels].astype(np.int32, copy=False)
