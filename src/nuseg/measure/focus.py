"""Whether a picture is in focus."""

import cv2
import numpy as np

from nuseg.types import Floats, Mask

RELATIVE = 0.75  # of the median over all images
SOFT = 0.56  # above this an image is sharp, whatever the others are
BLURRED = 0.39  # below this it is not, whatever the others are
SURE = 3.0  # robust standard deviations of the logarithm
FLAT = 0.002  # optical density: with less detail than this there is nothing to be sharp


def sharpness(density: np.ndarray) -> float:
    """Contrast of details of 1 to 2 px over that of details of 2 to 4 px; 0.5 to 0.9 in sharp sections.

    It does not depend on the stain's strength, and hardly on JPEG, whose blocks show in finer details.

    Parameters
    ----------
    density : (h, w) float32
        Optical density.

    Returns
    -------
    float
        NaN for a flat image.
    """
    fine, middle, coarse = (cv2.GaussianBlur(density, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    detail = float((middle - coarse).std())
    return float((fine - middle).std()) / detail if detail > FLAT else np.nan


def find_soft(values: Floats) -> tuple[Mask, float]:
    """Find images much softer than the others, or soft by any measure.

    Parameters
    ----------
    values : (n,) float64
        Sharpness of each, of one resolution; NaN where it is not known.

    Returns
    -------
    soft : (n,) bool
    usual : float
        Median of what is known; NaN where nothing is.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return np.zeros(len(values), bool), float("nan")
    usual = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(np.log(known / usual))))
    limit = min(SOFT, RELATIVE * usual, usual * float(np.exp(-SURE * spread)))
    return values < max(limit, BLURRED), usual
