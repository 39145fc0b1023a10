"""Whether a new model is better than the old one, on regions that neither was trained on."""

from typing import Any

import pandas as pd

from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.text import plural

SCORES = ("dice", "aji", "pq", "f1", "abs_count_error")
RANK = "aji"


def judge(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, Any]:
    """Compare scores image by image.

    Parameters
    ----------
    old, new : DataFrame
        One row per image: `name` and scores; see `nuseg.evaluation.dataset.Evaluation.table`.

    Returns
    -------
    dict
        `old` and `new`: mean scores; `regions`: how many were compared; `better`: on how many of them AJI rose;
        `difference`, `low`, `high`: mean of AJI's difference with its 95 % interval, None for a single region;
        `verdict`: in words.
    """
    both = old.merge(new, on="name", suffixes=("_old", "_new"))
    gains = (both[f"{RANK}_new"] - both[f"{RANK}_old"]).dropna()
    mean, low, high = bootstrap_ci(gains.to_numpy())
    means = {
        which: {score: round(float(both[f"{score}_{which}"].mean()), 4) for score in SCORES if f"{score}_old" in both}
        for which in ("old", "new")
    }
    better = int((gains > 0).sum())
    known = low == low
    return {
        **means,
        "regions": len(gains),
        "better": better,
        "difference": round(mean, 4) if len(gains) else None,
        "low": round(low, 4) if known else None,
        "high": round(high, 4) if known else None,
        "verdict": _verdict(len(gains), better, mean, low, high),
    }


def _verdict(regions: int, better: int, mean: float, low: float, high: float) -> str:
    if not regions:
        return "no held-out region has a nucleus: nothing can be said; finish more regions"
    change = f"AJI {mean:+.3f}"
    held_out = plural(regions, "held-out region")
    if regions == 1:
        return f"{change} on one held-out region: too few to tell; finish more regions"
    interval = f"{change} on average (95 % interval {low:+.3f} to {high:+.3f}), better on {better} of {held_out}"
    if low > 0:
        return f"the new model is better: {interval}"
    if high < 0:
        return f"the new model is worse: {interval}"
    return f"no clear difference: {interval}"
