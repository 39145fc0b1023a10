"""Label image to training targets: mask, normalised distance to the nucleus' border, offset from its middle."""

import cv2
import numpy as np

NEAR = 2  # px; nuclei with less than twice this between them touch


def make_targets(labels: np.ndarray) -> np.ndarray:
    """Make what the network is trained to output.

    Parameters
    ----------
    labels
        Label image `(height, width)`, integer; 0 = background, 1..N = nuclei.

    Returns
    -------
    np.ndarray
        `(2, height, width)` float32 in 0..1. Channel 0: mask. Channel 1: distance to the nearest pixel outside
        the own nucleus (background or a touching nucleus), divided by the nucleus' largest, so that small and
        large nuclei alike rise to 1 in the middle and fall to 0 between two that touch. Outside the image is not
        outside the nucleus: a cut nucleus rises towards the cut.
    """
    mask = labels > 0
    inner = mask.copy()
    # A pixel beside another nucleus is border: distances must fall to it although no background lies between.
    for axis in (0, 1):
        ahead = [slice(None)] * 2
        behind = [slice(None)] * 2
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        differs = labels[tuple(ahead)] != labels[tuple(behind)]
        inner[tuple(ahead)] &= ~differs
        inner[tuple(behind)] &= ~differs
    if inner.all():  # one nucleus fills the image: there is no border to measure from
        return np.ones((2, *labels.shape), np.float32)
    distance = cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 5)
    # The border pixels themselves lie half a pixel inside.
    distance = np.where(mask, distance + 0.5, 0).astype(np.float32)
    largest = np.full(int(labels.max(initial=0)) + 1, 1e-6, np.float32)
    np.maximum.at(largest, labels[mask], distance[mask])
    return np.stack([mask.astype(np.float32), distance / largest[labels]])


def make_offsets(labels: np.ndarray) -> np.ndarray:
    """Make each pixel's offset from the middle of its nucleus.

    Source: Graham et al., "HoVer-Net", MedIA 2019: horizontal and vertical distances.

    Parameters
    ----------
    labels
        Label image `(height, width)`, integer.

    Returns
    -------
    np.ndarray
        `(2, height, width)` float32: to the right and down from the centroid, divided by the farthest that the
        nucleus reaches on that side: -1 at its left (upper) end, 1 at its right (lower) end, 0 outside.
    """
    offsets = np.zeros((2, *labels.shape), np.float32)
    place = np.nonzero(labels)
    owner = labels[place]
    count = int(labels.max(initial=0)) + 1
    area = np.maximum(np.bincount(owner, minlength=count), 1)
    for channel, along in enumerate(place[::-1]):
        offset = along - (np.bincount(owner, along, count) / area)[owner]
        reach = np.full((2, count), 1e-6)
        side = (offset > 0).astype(np.intp)
        np.maximum.at(reach, (side, owner), np.abs(offset))
        offsets[channel][place] = offset / reach[side, owner]
    return offsets


def find_touching(labels: np.ndarray) -> np.ndarray:
    """Find where nuclei touch: the few pixels that decide whether they are told apart.

    Parameters
    ----------
    labels
        Label image `(height, width)`, integer.

    Returns
    -------
    np.ndarray
        `(height, width)` float32: 1 within `NEAR` px of two nuclei, else 0.
    """
    number = labels.astype(np.float32)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR + 1, 2 * NEAR + 1))
    highest = cv2.dilate(number, disk)
    lowest = cv2.erode(np.where(labels > 0, number, np.float32(np.inf)), disk)
    return ((highest > 0) & (highest != lowest)).astype(np.float32)
