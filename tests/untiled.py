"""The untiled reference: all nuclei of an image at once, as one label image."""

import cv2
import numpy as np

from nuseg.engines.maps import quantise
from nuseg.model.config import Thresholds
from nuseg.segmentation import postprocess
from nuseg.segmentation.postprocess import (
    fill_holes,
    find_foreground,
    hole_side,
    label_nuclei,
    raw_probability_of,
    smooth,
)


def separate(maps: np.ndarray, thresholds: Thresholds, mpp: float) -> np.ndarray:
    """Separate the nuclei of a mask.

    Every pixel whose distance reaches the marker threshold seeds its connected component; the seeds grow over the
    mask, from high distance to low, until they meet. A component without a seed becomes one nucleus.

    Parameters
    ----------
    maps : (2, h, w) float32
        In 0..1: mask probability, normalised distance.
    thresholds : Thresholds
        Of the model.
    mpp : float
        Resolution of the maps (um/px).

    Returns
    -------
    (h, w) int32
        Label image: 0 = background, 1..N = nuclei, each one 4-connected component.
    """
    quantised = quantise(maps)
    mask = fill_holes(find_foreground(quantised, thresholds), hole_side(mpp))
    distance = smooth(quantised[1], thresholds.smoothing)
    return label_nuclei(cut_giants(mask), raw_probability_of(quantised), distance, thresholds, mpp)


def cut_giants(mask: np.ndarray) -> np.ndarray:
    """Cut components that are larger than `LARGEST_COMPONENT` a side.

    They are cut along the rows and columns whose number is a multiple of it, which no longer belong to them. Nuclei
    never come near this size; folds, ink and blur can.
    """
    largest = postprocess.LARGEST_COMPONENT
    if max(mask.shape) <= largest:
        return mask
    _, components, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    giant = np.logical_or(stats[:, 2] > largest, stats[:, 3] > largest)
    cut = mask.copy()
    for lines in (np.s_[largest::largest], np.s_[:, largest::largest]):
        cut[lines] &= ~giant[components[lines]]
    return cut
