"""Where it is not known what is there: those pixels weigh nothing, whatever their labels say."""

import cv2
import numpy as np

from nuseg.types import LabelImage, Mask

UNKNOWN = -1  # in place of the label of a pixel that is ignored
NEIGHBOURS = np.ones((3, 3), np.uint8)


def mark_unknown(labels: LabelImage, ignore: Mask) -> np.ndarray:
    """Put `UNKNOWN` where a label image `(h, w)` is ignored: float32, which OpenCV can warp."""
    return np.where(ignore, UNKNOWN, labels).astype(np.float32)


def near_unknown(known: Mask) -> Mask:
    """Find the pixels that are not known, and their eight neighbours: `(h, w)` bool of `(h, w)` bool."""
    return cv2.dilate((~known).astype(np.uint8), NEIGHBOURS) > 0


def find_whole(labels: LabelImage, known: Mask) -> Mask:
    """Find where a nucleus is known from edge to edge, so that distances within it are right.

    Parameters
    ----------
    labels : (h, w) integer
        Label image; 0 = background, 1..N = nuclei.
    known : (h, w) bool
        False where labels say nothing.

    Returns
    -------
    (h, w) bool
        False where it is not known what is there, and in nuclei that touch such a place: how far they go on in it
        nobody knows. True in all others, and in the background.
    """
    if known.all():
        return known
    cut = np.zeros(int(labels.max(initial=0)) + 1, bool)
    cut[labels[near_unknown(known)]] = True
    cut[0] = False
    return known & ~cut[labels]
