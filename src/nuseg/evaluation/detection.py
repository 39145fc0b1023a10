"""Scores of detection: whether nuclei are found where they are, whatever their outlines.

A true nucleus and a predicted one make a pair where their points (centroids, where there are outlines) lie within a
radius, one to one: as many pairs as are possible, and of those choices the one with the smallest sum of distances.
The radius is about 3 um in published scores, 6 px at 20x or 12 px at 40x: Sirinukunwattana et al., TMI 2016; Graham et
al. (HoVer-Net), MedIA 2019; Abousamra et al. (MCSpatNet, with BRCA-M2C), ICCV 2021. The code of HoVer-Net asks for the
radius after it has paired all points, that of MCSpatNet gives each true point the nearest that is left: both may find a
pair less in a crowd.

Where the content of an area is not known, true points in it are left out. A predicted point that has no partner is left
out, too, if it lies there, or within the radius of a point that is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from nuseg.annotations.tables import Points
from nuseg.evaluation.assignment import best_pairs
from nuseg.evaluation.contingency import ratio
from nuseg.evaluation.counting import centroids, count_scores
from nuseg.types import Floats, Integers, LabelImage, Mask

RADIUS_UM = 3.0
OF_PREDICTED_CLASS = ("class_f1", "class_detected", "pred_count")
BY_CLASS = ("detection_recall", "detected", "true_count", *OF_PREDICTED_CLASS)


@dataclass(frozen=True)
class Detection:
    """What was found.

    Attributes
    ----------
    true_counts : (n,) bool
        True points that count: not in an ignored area.
    true_found : (n,) bool
        Those of them that have a partner.
    pred_counts : (m,) bool
        Predicted points that count: right or wrong.
    partner : (n,) int64
        Index of the predicted point of each true one; -1 where it has none.
    """

    true_counts: Mask
    true_found: Mask
    pred_counts: Mask
    partner: Integers


def points_of(labels: LabelImage, classes: Sequence[str | None] | None = None) -> Points:
    """Give the centroids of the nuclei of a label image, in the order of their labels, with their classes if any."""
    xy = np.stack(centroids(labels), axis=1)
    return Points(xy, (None,) * len(xy) if classes is None else tuple(classes))


def pair_points(true_xy: Floats, pred_xy: Floats, radius: float) -> tuple[Integers, Integers]:
    """Pair points one to one within a radius.

    Parameters
    ----------
    true_xy, pred_xy : (n, 2), (m, 2) float
    radius : float
        Largest distance of a pair, in the same unit.

    Returns
    -------
    true_index, pred_index : (k,) int64
        The members of each pair: as many as possible, with the smallest sum of distances among those.
    """
    if not (len(true_xy) and len(pred_xy)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    near = KDTree(true_xy).sparse_distance_matrix(KDTree(pred_xy), radius, output_type="ndarray")
    true, pred = near["i"].astype(np.int64), near["j"].astype(np.int64)
    # One pair more outweighs all that distances can: each weighs from `most` to `most + 1`, and there are no more.
    most = min(len(true_xy), len(pred_xy))
    chosen = best_pairs(true, pred, most + 1 - near["v"] / radius)
    return true[chosen], pred[chosen]


def detect(true_xy: Floats, pred_xy: Floats, radius: float, ignore: Mask | None = None) -> Detection:
    """Say which true points are found, and which predicted ones count.

    Parameters
    ----------
    true_xy, pred_xy : (n, 2), (m, 2) float
        x and y, px.
    radius : float
        px.
    ignore : (h, w) bool, optional
        True where it is not known what is there.
    """
    counts = ~lies_in(true_xy, ignore)
    left = np.flatnonzero(counts)
    true_index, pred_index = pair_points(true_xy[left], pred_xy, radius)
    partner = np.full(len(true_xy), -1, np.int64)
    partner[left[true_index]] = pred_index
    doubtful = lies_in(pred_xy, ignore)
    alone = np.setdiff1d(np.arange(len(pred_xy)), pred_index)
    doubtful[alone[pair_points(true_xy[~counts], pred_xy[alone], radius)[1]]] = True
    doubtful[pred_index] = False
    return Detection(counts, partner >= 0, ~doubtful, partner)


def lies_in(xy: Floats, area: Mask | None) -> Mask:
    """Say which points `(n, 2)` px lie in an area `(h, w)`; one beyond its edge is taken for one at the edge."""
    if area is None or not len(xy):
        return np.zeros(len(xy), bool)
    x, y = (np.clip(np.floor(xy[:, axis]).astype(int), 0, area.shape[1 - axis] - 1) for axis in range(2))
    inside: Mask = area[y, x]
    return inside


def class_names(*classes: Iterable[str | None]) -> tuple[str, ...]:
    """Names of the classes that nuclei have, sorted; None is that of a nucleus without one."""
    return tuple(sorted({name for some in classes for name in some if name is not None}))


def detection_scores(true: Points, pred: Points, radius: float, ignore: Mask | None = None) -> dict[str, float]:
    """Score the points of one image.

    Parameters
    ----------
    true, pred : Points
        Nuclei, x and y in px; with classes where they are known.
    radius : float
        px.
    ignore : (h, w) bool, optional
        True where it is not known what is there.

    Returns
    -------
    dict
        With TP pairs, FP and FN points without partner; for empty images see `nuseg.evaluation.contingency.ratio`.

        - `detection_f1` = 2 TP / (2 TP + FP + FN), `detection_precision` = TP / (TP + FP),
          `detection_recall` = TP / (TP + FN), `detected` = TP
        - `true_count`, `pred_count`, `count_error`, `abs_count_error`: points that count
        - of each class, as `NAME:CLASS`: `detection_recall`, `detected` and `true_count` of its true points, whatever
          class was predicted; `class_f1`, `class_detected` and `pred_count`, in which points are paired with those of
          their own class alone. Where an image has nothing of a class, recall and F1 are NaN. See `drop_unknown` for
          what is of use.
    """
    found = detect(true.xy, pred.xy, radius, ignore)
    totals = _counts(found)
    scores = {**detection_rates(totals), **totals, **count_scores(int(totals["true_count"]), int(totals["pred_count"]))}
    for name in class_names(true.classes, pred.classes):
        of_true, of_pred = (np.array([each == name for each in points.classes], bool) for points in (true, pred))
        alike = _counts(detect(true.xy[of_true], pred.xy[of_pred], radius, ignore))
        own = {
            "detected": float((of_true & found.true_found).sum()),
            "true_count": alike["true_count"],
            "class_detected": alike["detected"],
            "pred_count": alike["pred_count"],
        }
        scores |= {f"{key}:{name}": value for key, value in (class_rates(own) | own).items()}
    return scores


def drop_unknown(table: pd.DataFrame) -> pd.DataFrame:
    """Leave scores of classes out that mean nothing, since all true or all predicted points are without a class.

    Parameters
    ----------
    table : DataFrame
        One row per image: only of all images together it can be said.
    """

    def columns(*names: str) -> list[str]:
        return [column for column in map(str, table) if column.startswith(tuple(f"{name}:" for name in names))]

    if not table[columns("true_count")].sum().any():
        return table.drop(columns=columns(*BY_CLASS))
    if not table[columns("pred_count")].sum().any():
        return table.drop(columns=columns(*OF_PREDICTED_CLASS))
    return table


def detection_rates(totals: Mapping[str, float]) -> dict[str, float]:
    """Precision, recall and F1 of the counts `detected`, `true_count` and `pred_count`."""
    detected, true_count, pred_count = (totals[key] for key in ("detected", "true_count", "pred_count"))
    empty = true_count + pred_count == 0
    return {
        "detection_precision": ratio(detected, pred_count, empty),
        "detection_recall": ratio(detected, true_count, empty),
        "detection_f1": ratio(2 * detected, true_count + pred_count, empty),
    }


def class_rates(totals: Mapping[str, float]) -> dict[str, float]:
    """Recall and F1 of a class by its counts, without F1 where those of predicted ones lack; NaN for 0 / 0."""
    rates = {"detection_recall": _share(totals["detected"], totals["true_count"])}
    if "pred_count" in totals:
        both = totals["true_count"] + totals["pred_count"]
        rates["class_f1"] = _share(2 * totals["class_detected"], both)
    return rates


def _counts(found: Detection) -> dict[str, float]:
    return {
        "detected": float(found.true_found.sum()),
        "true_count": float(found.true_counts.sum()),
        "pred_count": float(found.pred_counts.sum()),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
