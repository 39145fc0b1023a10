"""How far labels lie beside the nuclei that they outline: no network takes part."""

import cv2
import numpy as np

from nuseg.measure.stain import optical_density
from nuseg.types import RGB, Floats, LabelImage

REACH = 4  # px
RIM = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
BLUR = 0.7  # px


def edge_contrast(pixels: RGB, labels: LabelImage, reach: int = REACH) -> Floats:
    """Measure how much darker the image is just inside of the labels' border than just outside, with the labels moved.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB; larger than `2 * reach` px on either side.
    labels : (h, w) integer
    reach : int
        Farthest move (px).

    Returns
    -------
    (2 * reach + 1, 2 * reach + 1) float32
        Difference of mean optical density, with the labels moved by -reach..reach px down (rows) and right (columns);
        0 where there are no nuclei.
    """
    density = cv2.GaussianBlur(optical_density(pixels).mean(axis=2), (0, 0), BLUR)
    mask = (labels > 0).astype(np.uint8)
    inner, outer = mask - cv2.erode(mask, RIM), cv2.dilate(mask, RIM) - mask
    weight = inner / max(int(inner.sum()), 1) - outer / max(int(outer.sum()), 1)
    within = weight[reach:-reach, reach:-reach].astype(np.float32)
    return np.asarray(cv2.matchTemplate(density - np.float32(density.mean()), within, cv2.TM_CCORR), np.float32)


def best_shift(contrast: Floats) -> tuple[float, float]:
    """Find where the contrast is highest, to a fraction of a pixel.

    Parameters
    ----------
    contrast : (2 * r + 1, 2 * r + 1) float
        From `edge_contrast`.

    Returns
    -------
    down, right : float
        How far the labels have to be moved (px), by the parabola through three values on either axis.
    """
    reach = contrast.shape[0] // 2
    inner = contrast[1:-1, 1:-1]
    y, x = (int(place) + 1 for place in np.unravel_index(int(inner.argmax()), inner.shape))
    return (
        y + _peak(contrast[y - 1 : y + 2, x]) - reach,
        x + _peak(contrast[y, x - 1 : x + 2]) - reach,
    )


def _peak(values: Floats) -> float:
    """Place of the top of the parabola through three values, from the middle one."""
    before, at, behind = (float(value) for value in values)
    bend = before - 2 * at + behind
    return (before - behind) / (2 * bend) if bend < 0 else 0.0
