"""What an image tells beside its scores: matches at every IoU, sizes, errors, probabilities."""

from dataclasses import dataclass

import numpy as np

from nuseg.evaluation.classes import Confusion
from nuseg.evaluation.contingency import Overlaps, in_order
from nuseg.evaluation.errors import Failure
from nuseg.types import Floats, Integers, LabelImage, Mask

IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.50 to 0.95: a pair matches where its IoU is above."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Pairs of outlines at every IoU of `IOUS`, and the size of each true nucleus.

    Attributes
    ----------
    at : (10,) int64
        Pairs whose IoU is above each of `IOUS`.
    true_count, pred_count : int
        Nuclei that count.
    diameters : (n,) float
        Of the true nuclei: that of a disc of the same area, um (px where the resolution is not known).
    unit : "um" or "px"
    found : (n,) bool
        Which of them have a match, with an IoU above 0.5.
    """

    at: Integers
    true_count: int
    pred_count: int
    diameters: Floats
    found: Mask
    unit: str


@dataclass(frozen=True, eq=False)
class Stated:
    """Probabilities that a model gives its nuclei, and whether each is one: `(m,)` float in 0..1, `(m,)` bool."""

    probability: Floats
    true: Mask


@dataclass(frozen=True, eq=False)
class Details:
    """What an image tells beside its scores.

    Attributes
    ----------
    failures : list of Failure
    matched : Matched or None
        None where the truth has no outlines.
    stated : Stated or None
        None where the predictions have no probabilities.
    confusion : Confusion or None
        None where truth or prediction has no classes.
    """

    failures: list[Failure]
    matched: Matched | None = None
    stated: Stated | None = None
    confusion: Confusion | None = None


def match_outlines(overlaps: Overlaps, mpp: float | None) -> Matched:
    """Count matches at every IoU; `mpp` (um/px) makes diameters micrometres."""
    iou = overlaps.iou
    found = np.zeros(overlaps.true_areas.size, bool)
    found[overlaps.true_index[overlaps.matches]] = True
    return Matched(
        at=np.array([int(overlaps.matches.sum()), *(int((iou > limit).sum()) for limit in IOUS[1:])]),
        true_count=overlaps.true_areas.size,
        pred_count=overlaps.pred_areas.size,
        diameters=2 * np.sqrt(overlaps.true_areas / np.pi) * (mpp or 1),
        found=found,
        unit="px" if mpp is None else "um",
    )


def come_true(numbers: Integers, probability: Floats, counted: Integers, right: Mask) -> Stated:
    """Put the probabilities of the nuclei that count beside what they turned out to be.

    Parameters
    ----------
    numbers, probability : (m,) integer, (m,) float
        Number in the label image, ascending, and stated probability of every predicted nucleus.
    counted, right : (k,) integer, (k,) bool
        Numbers of those that count, and whether each is a nucleus.
    """
    known = np.isin(counted, numbers)
    places = np.searchsorted(numbers, counted[known])
    return Stated(probability[places], right[known])


def right_outlines(overlaps: Overlaps, pred_labels: LabelImage) -> tuple[Integers, Mask]:
    """Number of every predicted nucleus that counts, and whether it matches a true one."""
    right = np.zeros(overlaps.pred_areas.size, bool)
    right[overlaps.pred_index[overlaps.matches]] = True
    return in_order(pred_labels), right


def box_of(masks: Mask) -> tuple[int, int, int, int] | None:
    """Smallest box (top, left, bottom, right) around what is True; None where nothing is."""
    rows, columns = np.flatnonzero(masks.any(axis=1)), np.flatnonzero(masks.any(axis=0))
    if not rows.size:
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
