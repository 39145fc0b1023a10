"""Label image to training targets: those of the heads, and where nuclei touch."""

from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.model.config import Architecture
from nuseg.model.head import Head
from nuseg.model.registry import find_heads

NEAR = 2  # px; nuclei with less than twice this between them touch


def make_targets(labels: np.ndarray, heads: Sequence[Head], classes: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Make what the network is trained to output.

    Parameters
    ----------
    labels : (h, w) integer
        Label image; 0 = background, 1..N = nuclei.
    heads : sequence of Head
        Of the network.
    classes : (N + 1,) integer, optional
        Number of the class of each label, 0 = not known; default: none is known.

    Returns
    -------
    dict of (channels, h, w) float32
        The target of each head, by its name.
    """
    return {head.name: head.target(seen_by(head, labels, classes)) for head in heads}


def seen_by(head: Head, labels: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """What a head makes its target of: labels, or of a class head the number of each pixel's class."""
    if head.made_for is None:
        return labels
    return np.zeros_like(labels) if classes is None else classes[labels]


def perfect_maps(labels: np.ndarray) -> np.ndarray:
    """The maps `(2, h, w)` float32 in 0..1 of a network that makes no mistake: mask and distance."""
    heads = [head for head in find_heads(Architecture().heads) if head.exported]
    return np.concatenate(list(make_targets(labels, heads).values()))


def find_touching(labels: np.ndarray) -> np.ndarray:
    """Find where nuclei touch: the few pixels that decide whether they are told apart.

    Parameters
    ----------
    labels : (h, w) integer
        Label image; 0 = background, 1..N = nuclei.

    Returns
    -------
    (1, h, w) float32
        1 within `NEAR` px of two nuclei, else 0.
    """
    number = labels.astype(np.float32)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR + 1, 2 * NEAR + 1))
    highest = cv2.dilate(number, disk)
    lowest = cv2.erode(np.where(labels > 0, number, np.float32(np.inf)), disk)
    touching: np.ndarray = (highest > 0) & (highest != lowest)
    return touching.astype(np.float32)[None]
