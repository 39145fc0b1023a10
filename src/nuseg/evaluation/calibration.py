"""Whether stated probabilities come true: reliability of the probability of nuclei."""

import numpy as np
import pandas as pd

from nuseg.evaluation.contingency import find_overlaps, in_order
from nuseg.types import Floats, LabelImage, Mask


def find_matched(true_labels: LabelImage, pred_labels: LabelImage) -> Mask:
    """Say of every predicted nucleus whether it matches a true one, with an IoU above 0.5.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images; N nuclei in the predicted one.

    Returns
    -------
    (N,) bool
        In label order.
    """
    overlaps = find_overlaps(true_labels, pred_labels)
    matched = np.zeros(overlaps.pred_areas.size, bool)
    matched[overlaps.pred_index[overlaps.matches]] = True
    return matched[np.argsort(in_order(pred_labels))]


def reliability(probability: Floats, came_true: Mask, bins: int = 10) -> pd.DataFrame:
    """Compare stated probabilities with what came true, in bins of equal width.

    Parameters
    ----------
    probability : (n,) float
        Stated, 0..1.
    came_true : (n,) bool
        What happened.
    bins : int
        Over 0..1.

    Returns
    -------
    pandas.DataFrame
        One row per bin that is not empty: `low`, `high`, `count`, mean `stated` probability, share that was `true`.
    """
    number = np.minimum((probability * bins).astype(int), bins - 1)
    rows = pd.DataFrame({"number": number, "stated": probability, "true": came_true.astype(float)})
    table = rows.groupby("number").agg(count=("true", "size"), stated=("stated", "mean"), true=("true", "mean"))
    table.insert(0, "low", table.index / bins)
    table.insert(1, "high", (table.index + 1) / bins)
    return table.reset_index(drop=True)


def expected_calibration_error(probability: Floats, came_true: Mask, bins: int = 10) -> float:
    """Mean distance of stated probability from what came true, over bins weighed by their number.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; 0 is best.
    NaN where there is nothing to count.
    """
    table = reliability(probability, came_true, bins)
    if not len(table):
        return float("nan")
    return float(np.average((table["stated"] - table["true"]).abs(), weights=table["count"]))
