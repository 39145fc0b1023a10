"""Scores of classes: of the nuclei that are found, whether their class is right, and both together.

True and predicted nuclei are paired by their centroids, as in `nuseg.evaluation.detection`.

Source: Graham et al., "HoVer-Net", MedIA 2019: F_c of a class, with the weights 2, 2, 1, 1; F_d there, of all nuclei
whatever their class, is `detection_f1`. The equation of F_c also has nuclei of other classes that were told rightly;
the authors' code leaves them out, since it counts only pairs of which one nucleus is of the class (compute_stats.py of
vqdang/hover_net): so does this. That code pools the nuclei of all images: compare published scores with pooled ones.
Multi-class panoptic quality: Gamper et al., "PanNuke dataset extension, insights and baselines", 2020; pooled over
images: Graham et al., "CoNIC challenge", MedIA 2024, as mPQ+.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nuseg.annotations.tables import Points
from nuseg.evaluation.contingency import Overlaps
from nuseg.evaluation.detection import class_names, detect
from nuseg.types import Integers, Mask

COUNTS = ("class_right", "class_wrong", "class_other", "class_false", "class_missed")
PQ_COUNTS = ("class_matched", "class_iou", "class_unmatched")
SUMMED = (*COUNTS, *PQ_COUNTS)
NOTHING = "no nucleus"


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often nuclei of a class were said to be of which.

    Attributes
    ----------
    classes : tuple of n str
    counts : (n + 1, n + 1) int64
        Row: true class, the last one for no nucleus; column: predicted class, the last one likewise. Nuclei whose true
        class is not known are left out, and so are predicted ones without a class.
    """

    classes: tuple[str, ...]
    counts: Integers

    @property
    def table(self) -> pd.DataFrame:
        """The counts with names: `true` is the index."""
        names = [*self.classes, NOTHING]
        table = pd.DataFrame(self.counts, columns=names, index=pd.Index(names, name="true"))
        return table

    @property
    def accuracy(self) -> float:
        """Share of the pairs whose class is right; NaN without any."""
        pairs = self.counts[:-1, :-1]
        return float(np.trace(pairs) / pairs.sum()) if pairs.sum() else float("nan")

    @staticmethod
    def together(parts: "Iterable[Confusion]") -> "Confusion | None":
        """Add up those of many images, whose classes may differ; None without any."""
        parts = list(parts)
        if not parts:
            return None
        names = tuple(dict.fromkeys(name for part in parts for name in part.classes))
        counts = np.zeros((len(names) + 1, len(names) + 1), np.int64)
        for part in parts:
            places = [*(names.index(name) for name in part.classes), len(names)]
            counts[np.ix_(places, places)] += part.counts
        return Confusion(names, counts)


def confuse(true: Points, pred: Points, radius: float, ignore: Mask | None = None) -> Confusion | None:
    """Pair the nuclei of an image, and count their classes.

    Parameters
    ----------
    true, pred : Points
        Nuclei with classes, x and y in px.
    radius : float
        px.
    ignore : (h, w) bool, optional
        True where it is not known what is there.

    Returns
    -------
    Confusion or None
        None where no true or no predicted nucleus has a class.
    """
    if not all(any(name is not None for name in points.classes) for points in (true, pred)):
        return None
    names = class_names(true.classes, pred.classes)
    number = {name: place for place, name in enumerate(names)}
    of_true, of_pred = (np.array([number.get(name or "", -1) for name in one.classes]) for one in (true, pred))
    found = detect(true.xy, pred.xy, radius, ignore)
    nothing = len(names)
    partner = found.partner[found.true_found]
    alone = found.pred_counts.copy()
    alone[partner] = False
    missed = found.true_counts & ~found.true_found
    rows = [of_true[found.true_found], np.full(alone.sum(), nothing), of_true[missed]]
    columns = [of_pred[partner], of_pred[alone], np.full(missed.sum(), nothing)]
    row, column = np.concatenate(rows), np.concatenate(columns)
    known = (row >= 0) & (column >= 0)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    np.add.at(counts, (row[known], column[known]), 1)
    return Confusion(names, counts)


def class_counts(found: Confusion) -> dict[str, float]:
    """What scores of classes are made of, as `NAME:CLASS`; they add up over images.

    - `class_right`: pairs of the class on both sides
    - `class_wrong`: nuclei said to be of the class whose partner is of another
    - `class_other`: nuclei of the class whose partner is said to be of another
    - `class_false`, `class_missed`: predicted and true nuclei of the class without a partner
    """
    counts: dict[str, float] = {}
    for place, name in enumerate(found.classes):
        right = found.counts[place, place]
        own = (
            right,
            found.counts[:-1, place].sum() - right,
            found.counts[place, :-1].sum() - right,
            found.counts[-1, place],
            found.counts[place, -1],
        )
        counts |= {f"{key}:{name}": float(value) for key, value in zip(COUNTS, own, strict=True)}
    return counts


def rates_of_class(counts: Mapping[str, float]) -> dict[str, float]:
    """Scores of a class by its `COUNTS`; NaN for 0 / 0.

    - `matched_class_f1`: over pairs alone, whether the class is right
    - `hovernet_f1`: F of HoVer-Net, in which a wrong class counts twice as much as a nucleus missed or too many
    """
    right, wrong, other, false, missed = (counts[key] for key in COUNTS)
    return {
        "matched_class_f1": share(2 * right, 2 * right + wrong + other),
        "hovernet_f1": share(2 * right, 2 * right + 2 * wrong + 2 * other + false + missed),
    }


def class_scores(found: Confusion) -> dict[str, float]:
    """Scores of the classes of an image: `class_accuracy` of pairs, and of each class its counts and rates."""
    counts = class_counts(found)
    scores = {"class_accuracy": found.accuracy}
    for name in found.classes:
        own = {key: counts[f"{key}:{name}"] for key in COUNTS}
        scores |= {f"{key}:{name}": value for key, value in rates_of_class(own).items()}
    return scores | counts


def mean_matched_f1(found: Confusion | None) -> float:
    """Mean over classes of `matched_class_f1`; NaN where none has one."""
    if found is None:
        return float("nan")
    counts = class_counts(found)
    rates = [rates_of_class({key: counts[f"{key}:{name}"] for key in COUNTS}) for name in found.classes]
    each = [one["matched_class_f1"] for one in rates]
    return float(np.nanmean(each)) if not np.isnan(each).all() else float("nan")


def multi_class_quality(
    overlaps: Overlaps, true_classes: Sequence[str | None], pred_classes: Sequence[str | None]
) -> dict[str, float]:
    """Panoptic quality of each class by itself, and their mean.

    A true nucleus and a predicted one match where both are of the class and their IoU is above 0.5. Predicted nuclei
    that match a true one of no known class are left out, and so are those.

    Parameters
    ----------
    overlaps : Overlaps
        Of the label images.
    true_classes, pred_classes : sequence of str or None
        In the order of the nuclei in `overlaps`.

    Returns
    -------
    dict
        `mpq`: mean over the classes that occur among the true nuclei, NaN without any; of each class what it is made
        of, `class_matched`, `class_iou` (their sum) and `class_unmatched`, as `NAME:CLASS`, and `class_pq`.
    """
    matches = overlaps.matches
    iou = overlaps.iou[matches]
    true_of, pred_of = overlaps.true_index[matches], overlaps.pred_index[matches]
    true, pred = np.array(true_classes, object), np.array(pred_classes, object)
    doubtful = np.zeros(len(pred), bool)
    doubtful[pred_of[np.array([name is None for name in true[true_of]], bool)]] = True
    scores: dict[str, float] = {}
    each = []
    for name in class_names(true_classes, pred_classes):
        right = (true[true_of] == name) & (pred[pred_of] == name)
        occurring = int((true == name).sum())
        unmatched = occurring + int(((pred == name) & ~doubtful).sum()) - 2 * int(right.sum())
        own = {"class_matched": float(right.sum()), "class_iou": float(iou[right].sum()), "class_unmatched": unmatched}
        quality = quality_of_class(own)
        scores |= {f"{key}:{name}": float(value) for key, value in ({"class_pq": quality} | own).items()}
        if occurring:
            each.append(quality)
    return {"mpq": float(np.mean(each)) if each else float("nan")} | scores


def quality_of_class(counts: Mapping[str, float]) -> float:
    """Panoptic quality of a class by its `PQ_COUNTS`: summed IoU over matches and half of what has no match."""
    return share(counts["class_iou"], counts["class_matched"] + counts["class_unmatched"] / 2)


def pooled_rates(totals: Mapping[str, float]) -> dict[str, float]:
    """Scores of classes of all images together, by their summed counts and `true_count`, as `NAME:CLASS`."""
    names = list(dict.fromkeys(key.partition(":")[2] for key in totals if key.startswith(f"{COUNTS[0]}:")))
    pooled: dict[str, float] = {}
    for name in names:
        own = {key: totals[f"{key}:{name}"] for key in COUNTS}
        pooled |= {f"{key}:{name}": value for key, value in rates_of_class(own).items()}
    if names:
        pairs = sum(totals[f"class_right:{name}"] + totals[f"class_other:{name}"] for name in names)
        pooled["class_accuracy"] = share(sum(totals[f"class_right:{name}"] for name in names), pairs)
    qualities = {}
    for name in dict.fromkeys(key.partition(":")[2] for key in totals if key.startswith(f"{PQ_COUNTS[0]}:")):
        qualities[f"class_pq:{name}"] = quality_of_class({key: totals[f"{key}:{name}"] for key in PQ_COUNTS})
    if qualities:
        true = {key: totals.get(key.replace("class_pq", "true_count", 1), 1) for key in qualities}
        occurring = [quality for key, quality in qualities.items() if true[key]]
        pooled |= qualities | {"mpq": float(np.mean(occurring)) if occurring else float("nan")}
    return pooled


def share(part: float, whole: float) -> float:
    """A ratio; NaN for 0 / 0."""
    return part / whole if whole else float("nan")
