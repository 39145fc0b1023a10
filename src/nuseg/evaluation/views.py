"""What scored images tell together: F1 over IoU, errors by kind, size against recall, counts, probabilities, groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nuseg.evaluation.calibration import expected_calibration_error, reliability
from nuseg.evaluation.contingency import ratio
from nuseg.evaluation.details import IOUS, Matched, Stated
from nuseg.evaluation.errors import KINDS, Kind
from nuseg.evaluation.report import summarise
from nuseg.evaluation.statistics import bootstrap_ci, group_sums, ratio_interval
from nuseg.types import Floats

SIZES = 8  # classes of size, of about as many nuclei each
FEWEST = 20  # nuclei in a class of size, at least
LIMITS = 1.96  # standard deviations: 95 % of a normal distribution


def f1_by_iou(matched: Mapping[str, Matched], groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """F1 where a match is a pair above each IoU: one row per IoU of 0.50 to 0.95.

    Returns
    -------
    DataFrame
        `iou`, `mean` over images with `low` and `high` of the 95 % interval, and `pooled` over all nuclei.
    """
    names = list(matched)
    own = None if groups is None else [groups.get(name, name) for name in names]
    rows = []
    for place, iou in enumerate(IOUS):
        scores = [
            ratio(2 * one.at[place], one.true_count + one.pred_count, one.true_count + one.pred_count == 0)
            for one in matched.values()
        ]
        mean, low, high = bootstrap_ci(scores, groups=own)
        total = sum(one.true_count + one.pred_count for one in matched.values())
        pooled = ratio(2 * sum(int(one.at[place]) for one in matched.values()), total, total == 0)
        rows.append({"iou": iou, "mean": mean, "low": low, "high": high, "pooled": pooled})
    return pd.DataFrame(rows)


def errors_by_kind(tallies: Mapping[str, Mapping[Kind, tuple[int, int, int]]]) -> pd.DataFrame:
    """Errors of all images by kind.

    Returns
    -------
    DataFrame
        One row per kind: `errors`, `true` and `predicted` nuclei that have no match because of them, `images` in which
        they are, and `most`, the image that has most of them.
    """
    rows = []
    for kind in KINDS:
        counts = {name: tally[kind] for name, tally in tallies.items()}
        errors, true, predicted = (sum(each[place] for each in counts.values()) for place in range(3))
        most = max(counts, key=lambda name: counts[name][0]) if errors else ""
        images = sum(each[0] > 0 for each in counts.values())
        rows.append(
            {"kind": kind, "errors": errors, "true": true, "predicted": predicted, "images": images, "most": most}
        )
    return pd.DataFrame(rows)


def recall_by_size(matched: Mapping[str, Matched], groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Share of true nuclei that have a match, by diameter, in classes of about as many nuclei.

    Returns
    -------
    DataFrame
        `low`, `high` diameter, `nuclei`, `recall` with `recall_low` and `recall_high` of its 95 % interval over images
        or groups.
    """
    diameters = np.concatenate([one.diameters for one in matched.values()]) if matched else np.zeros(0)
    columns = ["low", "high", "nuclei", "recall", "recall_low", "recall_high"]
    if not diameters.size:
        return pd.DataFrame(columns=columns)
    found = np.concatenate([one.found for one in matched.values()]).astype(float)
    owner = [(groups or {}).get(name, name) for name, one in matched.items() for _ in range(one.diameters.size)]
    classes = max(1, min(SIZES, diameters.size // FEWEST))
    edges = np.unique(np.quantile(diameters, np.linspace(0, 1, classes + 1)))
    number = np.clip(np.searchsorted(edges, diameters, "right") - 1, 0, max(edges.size - 2, 0))
    rows = []
    for place in np.unique(number).tolist():
        own = number == place
        parts, wholes = group_sums(found[own], [owner[at] for at in np.flatnonzero(own)])
        low, high = ratio_interval(parts, wholes)
        ends = edges[place], edges[min(place + 1, edges.size - 1)]
        rows.append([*map(float, ends), int(own.sum()), float(found[own].mean()), low, high])
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Agreement:
    """How far counts agree (Bland and Altman, Lancet 1986).

    Attributes
    ----------
    images : int
    bias : float
        Mean of predicted less true number per image.
    low, high : float
        Limits of agreement: between them lie 95 % of the differences, if these are normally distributed.
    share : float
        Bias as a share of the mean true number.
    """

    images: int
    bias: float
    low: float
    high: float
    share: float


def count_agreement(table: pd.DataFrame) -> Agreement | None:
    """Bias and limits of agreement of the counts in a table of scores; None for fewer than two images with counts."""
    if "true_count" not in table:
        return None
    counts = table[["true_count", "pred_count"]].dropna()
    if len(counts) < 2:
        return None
    difference = counts["pred_count"] - counts["true_count"]
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    share = bias / float(counts["true_count"].mean()) if counts["true_count"].any() else float("nan")
    return Agreement(len(counts), bias, bias - LIMITS * spread, bias + LIMITS * spread, share)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether probabilities come true: `table` as of `nuseg.evaluation.calibration.reliability`, and the mean error."""

    table: pd.DataFrame
    error: float


def probabilities(stated: Mapping[str, Stated]) -> Reliability | None:
    """Compare the probabilities of all nuclei with what they turned out to be; None where there are none."""
    if not sum(one.probability.size for one in stated.values()):
        return None
    said: Floats = np.concatenate([one.probability for one in stated.values()])
    true = np.concatenate([one.true for one in stated.values()])
    return Reliability(reliability(said, true), expected_calibration_error(said, true))


def summarise_by(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Mean of every score with its interval, for each value of each column.

    Returns
    -------
    DataFrame
        `column`, `value`, `score`, and the columns of `nuseg.evaluation.summarise`.
    """
    parts = []
    for column in columns:
        for value, own in table.groupby(column, sort=True):
            part = summarise(own).reset_index()
            part.insert(0, "value", str(value))
            part.insert(0, "column", column)
            parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
