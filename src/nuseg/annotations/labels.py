"""Label images as arrays: numbering, pieces, and masks among them."""

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.measure import label as connected

_TABLE_LIMIT = 1 << 24
MANY_PIECES = 3
"""A nucleus may be cut in two by what lies over it; one number on so many pieces is no nucleus."""


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


def pieces(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the 8-connected pieces of the nuclei 1..N of a (h, w) label image.

    Returns
    -------
    owner, size : (P,) int64
        The nucleus that each piece belongs to, and its pixels.
    """
    numbered = connected(labels, connectivity=2)  # type: ignore[no-untyped-call, unused-ignore]
    size = np.bincount(numbered.ravel(), minlength=1)
    owner = np.zeros(len(size), np.int64)
    owner[numbered.ravel()] = labels.ravel()
    return owner[1:], size[1:]


def are_large(size: np.ndarray) -> np.ndarray:
    """Say which pieces are no crumbs, by their sizes: those of a quarter of the median or more."""
    return size >= np.median(size) / 4 if size.size else np.zeros(0, bool)


def large_pieces(mask: np.ndarray) -> int:
    """Count the 8-connected pieces of a (h, w) bool mask without crumbs."""
    statistics = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    return int(are_large(statistics[1:, cv2.CC_STAT_AREA]).sum())


def stack_masks(masks: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Put masks, one nucleus each, into one label image; where two overlap the smaller one wins.

    So no nucleus is hidden under a larger one.

    Parameters
    ----------
    masks : sequence of N (k,) integer
        The pixels of each nucleus, counted row by row.
    shape : (h, w)

    Returns
    -------
    (h, w) int32
        0 = background, 1..N in the order of `masks`.
    """
    labels = np.zeros(shape, np.int32)
    for index in sorted(range(len(masks)), key=lambda k: -len(masks[k])):
        labels.ravel()[masks[index]] = index + 1
    return labels


def looks_binary(values: np.ndarray) -> bool:
    """Tell a mask given as a label image: one non-zero value on three or more separate pieces, or two of 255.

    One nucleus in one piece (or, of a value other than 255 or True, in two) is a label image.
    """
    present = values[values > 0]
    if present.size == 0 or (present != present[0]).any():
        return False
    pieces = cv2.connectedComponents((values > 0).astype(np.uint8), connectivity=8)[0] - 1
    return pieces >= MANY_PIECES or (pieces == 2 and (values.dtype == bool or int(present[0]) == 255))


def looks_inverted(mask: np.ndarray) -> bool:
    """Tell a mask whose background is True: one piece that covers most and reaches all sides, with convex holes.

    Holes are as convex as nuclei are; gaps between nuclei that fill an image are not.
    """
    rest = ~mask
    if 2 * np.count_nonzero(mask) <= mask.size or not rest.any():
        return False
    statistics = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)[2][1:]
    largest = statistics[statistics[:, cv2.CC_STAT_AREA].argmax()]
    reaches = (largest[cv2.CC_STAT_HEIGHT], largest[cv2.CC_STAT_WIDTH]) == mask.shape
    if not reaches or largest[cv2.CC_STAT_AREA] < 0.8 * statistics[:, cv2.CC_STAT_AREA].sum():
        return False
    convexity = _convexity(rest)
    return len(convexity) >= 2 and bool(np.median(convexity) >= 0.8)


def _convexity(mask: np.ndarray) -> list[float]:
    """Share of its convex hull that each piece of a mask fills, for pieces of 20 px and more."""
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    hulls = [cv2.contourArea(cv2.convexHull(outline)) for outline in outlines]
    return [cv2.contourArea(line) / hull for line, hull in zip(outlines, hulls, strict=True) if hull >= 20]
