"""Where on a slide there is tissue: not glass, not fat, not pen."""

import cv2
import numpy as np

from nuseg.measure.stain import optical_density
from nuseg.types import RGB, Floats, Mask

MIN_DENSITY = 0.05  # mean optical density under which nothing is stained, whatever the slide
MAX_DENSITY = 0.09  # above which something is; Otsu's threshold lies between
MIN_COLOUR = 0.03  # how far the channels' optical densities differ, at least: dust and black pen are grey
INK_DENSITY = 0.15  # of red: thin traces of colour are no ink
STROKE_UM, EDGE_UM = 80.0, 40.0  # a stroke of pen is at least this broad, and its edge at most
CLOSED_UM = 60.0  # gaps that belong to the tissue: vessels, glands, fat cells
DROPPED_UM2 = 5000.0  # specks
FILLED_UM2 = 500_000.0  # largest hole that belongs to the tissue
SMOOTHED_UM = 16.0
SQUARE_UM = 2.0  # side of the squares in which the area of tissue is counted
ABOVE_GLASS = 0.02  # optical density that pale tissue has more than the glass of its slide, at least
LEAST_GLASS = 0.25  # share of what lies outside of tissue: less of it is dirt and the edge of tissue, on pure white


def tissue_mask(thumbnail: RGB, mpp: float) -> Mask:
    """Find the tissue on a small picture of an H&E slide.

    Stained is what is dark and coloured: the threshold on optical density is Otsu's (1979), kept within limits that
    also fit slides without glass or without tissue. Pen is left out by its colour: eosin and haematoxylin let
    more red and blue through than green; green and blue ink do not, and black has no colour.

    Parameters
    ----------
    thumbnail : (h, w, 3) uint8
        RGB on white.
    mpp : float
        Its resolution (um/px); 4 to 32 are sensible.

    Returns
    -------
    (h, w) bool
    """
    blurred = cv2.GaussianBlur(thumbnail, (0, 0), max(SMOOTHED_UM / mpp / 2, 0.5)).reshape(thumbnail.shape)
    density = optical_density(blurred)
    mean, coloured = density.mean(axis=2), ~pen(density, mpp)
    stained = coloured & (mean >= density_threshold(mean[coloured]))
    return drop_specks(fill_gaps(stained, mpp), mpp)


def tissue_density(thumbnail: RGB, tissue: Mask) -> float:
    """Find the optical density that parts tissue from the glass and lumen between it.

    Glass is what lies outside of the tissue, by its median. What is purely white was not scanned.

    Parameters
    ----------
    thumbnail : (h, w, 3) uint8
        RGB.
    tissue : (h, w) bool
        From `tissue_mask`.

    Returns
    -------
    float
        Mean over red, green and blue: `ABOVE_GLASS` more than the glass, at least `MIN_DENSITY`, which is taken where
        no glass is seen.
    """
    outside = optical_density(thumbnail).mean(axis=2)[~tissue]
    glass = outside[outside > 0]
    if not glass.size or glass.size < LEAST_GLASS * outside.size:
        return MIN_DENSITY
    return max(MIN_DENSITY, round(float(np.median(glass)) + ABOVE_GLASS, 4))


def tissue_area(least: float) -> str:
    """Say in words how the area of tissue is counted, with the optical density from `tissue_density`."""
    return (
        f"squares of {SQUARE_UM:g} um in the tissue mask whose mean colour has an optical density of at least {least:g}"
    )


def density_threshold(values: Floats) -> float:
    """Otsu's threshold on the mean optical densities `(n,)` of all that is not pen, within limits."""
    if not values.size:
        return MAX_DENSITY
    levels = np.clip(values * 255, 0, 255).astype(np.uint8)
    found, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(np.clip(found / 255, MIN_DENSITY, MAX_DENSITY))


def pen(density: Floats, mpp: float) -> Mask:
    """Find ink and dust by the optical densities `(h, w, 3)` of red, green and blue: `(h, w)` bool.

    Both stains absorb green most, haematoxylin and eosin alike. Blue and green ink absorb red most; black absorbs
    all the same. Strong haematoxylin comes near to blue ink, so ink has to be clearly stronger in red than in green.
    At its edge, mixed with glass, it is not: so strokes, which are broad, are widened.
    """
    red, green, blue = np.moveaxis(density, 2, 0)
    grey = density.max(axis=2) - density.min(axis=2) < np.maximum(MIN_COLOUR, 0.12 * density.mean(axis=2))
    ink = ((red > 1.2 * green) | ((red > green) & (blue > green))) & (red >= INK_DENSITY)
    stroke, edge = (np.ones((side, side), np.uint8) for side in (odd(STROKE_UM / mpp), odd(2 * EDGE_UM / mpp)))
    strokes = cv2.dilate(cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, stroke), edge)
    found: Mask = grey | ink | (strokes > 0)
    return found


def odd(length: float) -> int:
    """Nearest odd number of at least 1."""
    return 2 * round(max(length - 1, 0) / 2) + 1


def fill_gaps(mask: Mask, mpp: float) -> Mask:
    """Close gaps between parts of the tissue, and fill holes in it."""
    radius = max(1, round(CLOSED_UM / mpp / 2))
    padded = np.pad(mask, 2 * radius).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    _, holes, stats, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4, ltype=cv2.CV_32S)
    small: Mask = stats[:, cv2.CC_STAT_AREA] * mpp**2 <= FILLED_UM2
    border = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    small[border] = False
    small[0] = True
    filled: Mask = small[holes]
    return filled


def drop_specks(mask: Mask, mpp: float) -> Mask:
    """Remove pieces of mask that are smaller than a piece of tissue."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    large: Mask = stats[:, cv2.CC_STAT_AREA] * mpp**2 >= DROPPED_UM2
    large[0] = False
    kept: Mask = large[pieces]
    return kept
