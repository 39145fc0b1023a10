"""Label images as arrays: numbering, and masks among them."""

import cv2
import numpy as np

_TABLE_LIMIT = 1 << 24


def renumber(labels: np.ndarray) -> np.ndarray:
    """Renumber nuclei to 1..N without gaps, in the order of their values.

    Parameters
    ----------
    labels : (h, w) bool or integer, values 0 and above

    Returns
    -------
    (h, w) int32
    """
    if int(labels.max(initial=0)) < _TABLE_LIMIT:
        present = np.bincount(labels.ravel()) > 0
        present[0] = False
        return np.asarray(np.cumsum(present, dtype=np.int32)[labels.astype(np.int64)])
    values, positions = np.unique(labels, return_inverse=True)
    return np.asarray(positions.reshape(labels.shape) + (values[0] != 0), np.int32)


def present_labels(labels: np.ndarray) -> np.ndarray:
    """Give the numbers of the nuclei in a label image of values 0 and above: sorted, without 0."""
    values = np.unique(labels)
    return values[values > 0]


def components(mask: np.ndarray) -> np.ndarray:
    """Number the 4-connected components of a (h, w) bool mask: (h, w) int32."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)[1]


def looks_binary(values: np.ndarray) -> bool:
    """Tell a mask given as a label image: one non-zero value on three or more separate pieces, or two of 255.

    One nucleus in one piece (or, of a value other than 255 or True, in two) is a label image.
    """
    present = values[values > 0]
    if present.size == 0 or (present != present[0]).any():
        return False
    pieces = cv2.connectedComponents((values > 0).astype(np.uint8), connectivity=8)[0] - 1
    return pieces >= 3 or (pieces == 2 and (values.dtype == bool or int(present[0]) == 255))
