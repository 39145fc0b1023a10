"""How annotated nuclei and those that the model found lie upon each other."""

from dataclasses import dataclass

import numpy as np

from nuseg.quality.sample import Found
from nuseg.types import Integers, LabelImage, Mask


@dataclass(frozen=True, eq=False)
class Covered:
    """The model's nuclei that share pixels with a part of an image.

    Attributes
    ----------
    numbers : (k,) int64
        Numbers of the model's nuclei, the one with most pixels first.
    shared : (k,) int64
        Pixels that each shares with the part.
    area : int
        Pixels of the part.
    """

    numbers: Integers
    shared: Integers
    area: int


def covered(found: Found, crop: tuple[slice, slice], part: Mask) -> Covered:
    """Find the model's nuclei under `part`, a mask (h, w) of the `crop` of the image."""
    counts = np.bincount(found.labels[crop][part], minlength=1)
    counts[0] = 0
    numbers = np.flatnonzero(counts)
    order = np.argsort(-counts[numbers], kind="stable")
    return Covered(numbers[order], counts[numbers[order]], int(np.count_nonzero(part)))


def shared_with(labels: LabelImage, others: LabelImage, size: int) -> Integers:
    """Pixels that each number 0..size-1 of a label image shares with the nuclei of another one."""
    return np.bincount(labels[others > 0], minlength=size)
