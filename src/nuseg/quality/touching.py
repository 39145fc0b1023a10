"""Pairs of touching nuclei, and whether the line between them is a cut through one nucleus."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import expand_labels

from nuseg.types import Floats, LabelImage, Mask

LEAST_CONTACT = 5  # px
PAD = 3  # px around a pair


@dataclass(frozen=True, eq=False)
class Contact:
    """Where two nuclei meet.

    Attributes
    ----------
    first, second : int
        Their numbers.
    points : (k, 2) float64
        Midpoints of the pixel sides between them, x and y (px, the first pixel's centre at 0).
    """

    first: int
    second: int
    points: Floats


@dataclass(frozen=True)
class Seam:
    """The form of a contact, and of both nuclei taken together.

    Attributes
    ----------
    crooked : float
        Root mean square distance of the contact from a straight line (px).
    length : float
        Length of that line (px).
    notch : float
        How deep the outline of both is drawn in where the contact reaches it, at the deeper end (px): two nuclei that
        touch have notches there, one nucleus that was cut has none.
    solidity : float
        Share of their convex hull that both fill, 0..1.
    """

    crooked: float
    length: float
    notch: float
    solidity: float


def contacts(labels: LabelImage) -> Iterator[Contact]:
    """Find the pairs of nuclei that touch, or that a line of one or two pixels parts."""
    near = expand_labels(labels, 1)
    ends, midpoints = [], []
    for down, right in ((0, 1), (1, 0)):
        one, other = near[: near.shape[0] - down, : near.shape[1] - right], near[down:, right:]
        y, x = np.nonzero((one != other) & (one > 0) & (other > 0))
        ends.append(np.sort(np.stack([one[y, x], other[y, x]], axis=1), axis=1))
        midpoints.append(np.stack([x + right / 2, y + down / 2], axis=1))
    pairs, points = np.concatenate(ends), np.concatenate(midpoints)
    if not len(pairs):
        return
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    pairs, points = pairs[order], points[order]
    starts = np.flatnonzero(np.any(pairs[1:] != pairs[:-1], axis=1)) + 1
    for pair, line in zip(np.split(pairs, starts), np.split(points, starts), strict=True):
        if len(line) >= LEAST_CONTACT:
            yield Contact(int(pair[0, 0]), int(pair[0, 1]), line)


def describe_seam(both: Mask, points: Floats) -> Seam:
    """Describe a contact.

    Parameters
    ----------
    both : (h, w) bool
        The two nuclei.
    points : (k, 2) float64
        The contact, x and y (px), from the first pixel of `both`.
    """
    joined = cv2.morphologyEx(np.pad(both.astype(np.uint8), PAD), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outline = max(cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = cv2.convexHull(outline)
    centred = points - points.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    along = centred @ directions[0]
    ends = points[[along.argmin(), along.argmax()]] + PAD
    depths = [cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in ends]
    # The hull of pixel centres lacks half a pixel all around.
    hull_area = cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1
    return Seam(
        crooked=float(spread[1] / len(points) ** 0.5),
        length=float(np.ptp(along)),
        notch=max(depths),
        solidity=float(np.count_nonzero(joined) / hull_area),
    )
