"""Stain and texture of the pixels in and around every nucleus, on a grid of fixed resolution."""

import cv2
import numpy as np

from nuseg.measure.stain import separate_stains
from nuseg.types import RGB, Floats

MPP = 0.5  # um/px of the grid: chromatin is seen, and a scan at 20x has it, too
RING_UM = 3.0  # around the nucleus: cytoplasm, and what touches it
WINDOW_UM = 32.0  # side of the square around it
SIDE = round(WINDOW_UM / MPP) + 1  # odd, so that it has a middle
RING = round(RING_UM / MPP)
KERNEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RING + 1, 2 * RING + 1))
LARGEST = 2 * SIDE  # px of a nucleus that are looked at, along each side
MARGIN = SIDE + RING + 8  # px that maps reach beyond the middles of nuclei, filters included
MAPS = ("haematoxylin", "eosin", "residual", "gradient", "spots")
DARK, BRIGHT = 10, 90  # percentiles
NAMES = (
    *(f"inside_{name}" for name in MAPS),
    *(f"spread_{name}" for name in MAPS),
    *(f"ring_{name}" for name in MAPS),
    "low_haematoxylin",
    "high_haematoxylin",
    *(f"window_{name}" for name in MAPS),
    *(f"window_spread_{name}" for name in MAPS),
)


def stain_maps(pixels: RGB) -> Floats:
    """Make the maps that nuclei are measured on, `(h, w, len(MAPS))` float32, of pixels at `MPP`.

    Optical density of both stains and of what is left; steepness of haematoxylin; and how much darker a spot of 1 um is
    than what is around it (a difference of Gaussians), as nucleoli and grains of chromatin are.
    """
    stains = separate_stains(pixels)
    smooth = cv2.GaussianBlur(stains[..., 0], (0, 0), 0.5 / MPP)
    steep = cv2.magnitude(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), cv2.Scharr(smooth, cv2.CV_32F, 0, 1)) / 32
    spots = smooth - cv2.GaussianBlur(stains[..., 0], (0, 0), 1.5 / MPP)
    return np.dstack([stains, steep, spots])


def textures(maps: Floats, outlines: list[Floats]) -> Floats:
    """Measure nuclei.

    Parameters
    ----------
    maps : (h, w, len(MAPS)) float32
        See `stain_maps`.
    outlines : list of n (k, 2) float64
        x and y of the corners in px of the maps; their middles lie on them.

    Returns
    -------
    (n, len(NAMES)) float32
        Means and standard deviations inside, means in the ring around, percentiles inside, means and deviations in a
        window around the middle.
    """
    mean = cv2.blur(maps, (SIDE, SIDE), borderType=cv2.BORDER_REFLECT)
    squares = cv2.blur(maps**2, (SIDE, SIDE), borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(squares - mean**2, 0))
    found = np.empty((len(outlines), len(NAMES)), np.float32)
    for row, outline in enumerate(outlines):
        middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
        x, y = np.clip(middle.astype(int), 0, (maps.shape[1] - 1, maps.shape[0] - 1))
        own = inside_and_ring(maps, outline, (int(x), int(y)))
        found[row] = np.concatenate([*own, mean[y, x], spread[y, x]])
    return found


def inside_and_ring(maps: Floats, outline: Floats, middle: tuple[int, int]) -> tuple[Floats, ...]:
    """Measure a nucleus and the ring around it: means, deviations, means of the ring, percentiles of haematoxylin."""
    x, y = middle
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - RING - 1, (x - LARGEST // 2, y - LARGEST // 2))
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + RING + 1, (x + LARGEST // 2, y + LARGEST // 2))
    left, top = np.maximum(low, 0).tolist()
    part = maps[top : int(high[1]), left : int(high[0])]
    inside = np.zeros(part.shape[:2], np.uint8)
    # cv2 counts from the middle of the first pixel; a 16th of a pixel is kept.
    cv2.fillPoly(inside, [np.rint((outline - (left, top) - 0.5) * 16).astype(np.int32)], 1, shift=4)
    values = part.reshape(-1, len(MAPS))
    own = values[np.flatnonzero(inside)]
    own = own if len(own) else maps[y, x][None]
    ring = values[np.flatnonzero(cv2.dilate(inside, KERNEL) - inside)]
    mean = own.sum(axis=0) / len(own)
    spread = np.sqrt(np.maximum((own**2).sum(axis=0) / len(own) - mean**2, 0))
    ordered = np.sort(own[:, 0])
    ends = ordered[[(len(ordered) - 1) * DARK // 100, (len(ordered) - 1) * BRIGHT // 100]]
    return mean, spread, ring.sum(axis=0) / len(ring) if len(ring) else mean, ends
