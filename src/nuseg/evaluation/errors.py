"""Errors by kind: nuclei that are missed, found where there is none, split, merged, or of a wrong outline.

A match is a pair with an IoU above 0.5. Every true nucleus without a match, and every predicted one without, belongs to
one kind, so that the numbers of all kinds add up to those that F1 counts:

- merged: a predicted nucleus covers more than half of each of two or more true ones.
- split: a true nucleus covers more than half of each of two or more predicted ones.
- outline: of those that are left, a true and a predicted nucleus with an IoU of 0.1 or more, one to one.
- missed, false: the true nuclei, and the predicted ones, that are left.

0.1 as the border between a wrong place and a wrong outline is that of TIDE (Bolya et al., ECCV 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from nuseg.evaluation.assignment import best_pairs
from nuseg.evaluation.contingency import Overlaps
from nuseg.evaluation.detection import Detection
from nuseg.types import Integers, Mask

Kind = Literal["missed", "false", "merged", "split", "outline"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEANING: dict[Kind, str] = {
    "missed": "an annotated nucleus that was not found",
    "false": "found where no nucleus is annotated",
    "merged": "several annotated nuclei found as one",
    "split": "one annotated nucleus found as several",
    "outline": "found, with an outline that fits too little (IoU of 0.5 or less)",
}
SAME_PLACE = 0.1  # IoU


@dataclass(frozen=True)
class Failure:
    """One error.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    true, pred : tuple of int
        The nuclei that it is about, as `Overlaps` numbers them.
    unmatched_true, unmatched_pred : int
        Nuclei without a match that belong to it.
    size : int
        Pixels that are wrong.
    """

    kind: Kind
    true: tuple[int, ...]
    pred: tuple[int, ...]
    unmatched_true: int
    unmatched_pred: int
    size: int = 0


def find_failures(overlaps: Overlaps) -> list[Failure]:
    """Give every nucleus without a match its kind of error, see above."""
    true_left, pred_left = _unmatched(overlaps)
    true, pred = overlaps.true_index, overlaps.pred_index
    in_pred = 2 * overlaps.intersection > overlaps.true_areas[true]  # most of the true nucleus lies in the predicted
    in_true = 2 * overlaps.intersection > overlaps.pred_areas[pred]
    failures = []
    for whole in _with_several(pred[in_pred]):
        parts = true[in_pred & (pred == whole)]
        size = _all_but_largest(overlaps.true_areas[parts])
        failures.append(_failure("merged", parts, np.array([whole]), true_left, pred_left, size))
    for whole in _with_several(true[in_true]):
        parts = pred[in_true & (true == whole)]
        size = _all_but_largest(overlaps.pred_areas[parts])
        failures.append(_failure("split", np.array([whole]), parts, true_left, pred_left, size))
    near = np.flatnonzero(true_left[true] & pred_left[pred] & (overlaps.iou >= SAME_PLACE))
    for pair in near[best_pairs(true[near], pred[near], overlaps.iou[near])]:
        size = int(overlaps.union[pair] - overlaps.intersection[pair])
        failures.append(_failure("outline", true[[pair]], pred[[pair]], true_left, pred_left, size))
    failures += [Failure("missed", (t,), (), 1, 0, int(overlaps.true_areas[t])) for t in _places(true_left)]
    failures += [Failure("false", (), (p,), 0, 1, int(overlaps.pred_areas[p])) for p in _places(pred_left)]
    return failures


def point_failures(found: Detection) -> list[Failure]:
    """Give the true points that were not found, and the predicted ones that are wrong."""
    missed = found.true_counts & ~found.true_found
    wrong = found.pred_counts.copy()
    wrong[found.partner[found.true_found]] = False
    return [
        *(Failure("missed", (t,), (), 1, 0) for t in _places(missed)),
        *(Failure("false", (), (p,), 0, 1) for p in _places(wrong)),
    ]


def tally(failures: Sequence[Failure]) -> dict[Kind, tuple[int, int, int]]:
    """Number of errors, of unmatched true and of unmatched predicted nuclei of each kind."""
    totals: dict[Kind, tuple[int, int, int]] = {}
    for kind in KINDS:
        own = [failure for failure in failures if failure.kind == kind]
        unmatched = (sum(one.unmatched_true for one in own), sum(one.unmatched_pred for one in own))
        totals[kind] = (len(own), *unmatched)
    return totals


def _unmatched(overlaps: Overlaps) -> tuple[Mask, Mask]:
    true_left, pred_left = np.ones(overlaps.true_areas.size, bool), np.ones(overlaps.pred_areas.size, bool)
    true_left[overlaps.true_index[overlaps.matches]] = False
    pred_left[overlaps.pred_index[overlaps.matches]] = False
    return true_left, pred_left


def _failure(kind: Kind, true: Integers, pred: Integers, true_left: Mask, pred_left: Mask, size: int) -> Failure:
    """Make an error, and take its nuclei from those that are left."""
    counts = int(true_left[true].sum()), int(pred_left[pred].sum())
    true_left[true] = pred_left[pred] = False
    return Failure(kind, tuple(true.tolist()), tuple(pred.tolist()), *counts, size)


def _with_several(numbers: Integers) -> list[int]:
    found, times = np.unique(numbers, return_counts=True)
    return list(found[times > 1].tolist())


def _all_but_largest(areas: Integers) -> int:
    return int(areas.sum() - areas.max())


def _places(mask: Mask) -> list[int]:
    return list(np.flatnonzero(mask).tolist())
