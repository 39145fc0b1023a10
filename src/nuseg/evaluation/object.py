"""Scores per nucleus: AJI, AJI+, panoptic quality, F1 and counts."""

import numpy as np

from nuseg.evaluation.assignment import best_pairs
from nuseg.evaluation.contingency import Overlaps, find_overlaps, ratio
from nuseg.evaluation.counting import count_scores
from nuseg.evaluation.ignoring import leave_out
from nuseg.types import Integers, LabelImage, Mask


def object_scores(true_labels: LabelImage, pred_labels: LabelImage, ignore: Mask | None = None) -> dict[str, float]:
    """Compare two label images nucleus by nucleus.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images, 0 = background; any integer dtype, numbers need not be consecutive.
    ignore : (h, w) bool, optional
        True where it is not known what is there; see `nuseg.evaluation.ignoring` for what is then left out.

    Returns
    -------
    dict
        Ratios in 0..1; for empty images see `nuseg.evaluation.contingency.ratio`.

        - `aji`, `aji_plus`: see `aji` and `aji_plus`
        - `pq`, `dq`, `sq`, `f1`, `object_precision`, `object_recall`, `matched`: see `panoptic_quality`
        - `true_count`, `pred_count`: nuclei
        - `count_error`: predicted minus true nuclei; `abs_count_error`: its absolute value

    Raises
    ------
    NusegError
        The arrays are no label images or differ in size.
    """
    overlaps = find_overlaps(*leave_out(true_labels, pred_labels, ignore))
    true_count, pred_count = overlaps.true_areas.size, overlaps.pred_areas.size
    return {
        "aji": aji(overlaps),
        "aji_plus": aji_plus(overlaps),
        **panoptic_quality(overlaps),
        **count_scores(true_count, pred_count),
    }


def aji(overlaps: Overlaps) -> float:
    """Aggregated Jaccard index of the MoNuSeg challenge (Kumar et al., IEEE TMI 2017, algorithm 1).

    Every true nucleus takes the prediction with the highest Jaccard index (of equals, the one whose first pixel
    comes first); their intersections and unions are summed. One prediction may serve several true nuclei. A true
    nucleus that no prediction touches adds its area to the union, and so does every prediction that no true
    nucleus took.
    """
    order = np.lexsort((overlaps.pred_index, -overlaps.iou, overlaps.true_index))
    _, first = np.unique(overlaps.true_index[order], return_index=True)
    return _aggregate(overlaps, order[first])


def aji_plus(overlaps: Overlaps) -> float:
    """AJI+: as AJI, but one to one (Graham et al., HoVer-Net, MedIA 2019, and its published code).

    True nuclei and predictions are paired so that the sum of their Jaccard indices is highest; all that stay
    unpaired add their area to the union. AJI+ can be higher or lower than AJI.
    """
    return _aggregate(overlaps, best_pairs(overlaps.true_index, overlaps.pred_index, overlaps.iou))


def panoptic_quality(overlaps: Overlaps) -> dict[str, float]:
    """Panoptic quality PQ = DQ * SQ (Kirillov et al., CVPR 2019), and the detection scores that go with it.

    A true and a predicted nucleus match if their IoU is above 0.5 (not at 0.5: only so is every match unique).
    With TP matches, FP unmatched predictions and FN unmatched true nuclei:

    - `dq` = TP / (TP + FP/2 + FN/2), detection quality
    - `sq` = mean IoU of the matches, segmentation quality; 0 where nothing matches
    - `pq` = `dq` * `sq`
    - `f1` = 2 TP / (2 TP + FP + FN), "F1 at IoU 0.5", a match being above 0.5 as in the Data Science Bowl
      (Caicedo et al., Nat Methods 2019): by definition the same number as `dq`, given under both names that the
      literature uses
    - `object_precision` = TP / (TP + FP), `object_recall` = TP / (TP + FN)
    - `matched` = TP
    """
    matches = overlaps.matches
    matched = int(matches.sum())
    true_count, pred_count = overlaps.true_areas.size, overlaps.pred_areas.size
    empty = overlaps.both_empty
    dq = ratio(2 * matched, true_count + pred_count, empty)
    sq = ratio(overlaps.iou[matches].sum(), matched, empty)
    return {
        "pq": dq * sq,
        "dq": dq,
        "sq": sq,
        "f1": dq,
        "object_precision": ratio(matched, pred_count, empty),
        "object_recall": ratio(matched, true_count, empty),
        "matched": float(matched),
    }


def _aggregate(overlaps: Overlaps, pairs: Integers) -> float:
    """Summed intersections over summed unions of the pairs, with the area of all that are in no pair."""
    lone_true = np.ones(overlaps.true_areas.size, bool)
    lone_pred = np.ones(overlaps.pred_areas.size, bool)
    lone_true[overlaps.true_index[pairs]] = False
    lone_pred[overlaps.pred_index[pairs]] = False
    lone = overlaps.true_areas[lone_true].sum() + overlaps.pred_areas[lone_pred].sum()
    return ratio(overlaps.intersection[pairs].sum(), overlaps.union[pairs].sum() + lone, overlaps.both_empty)
