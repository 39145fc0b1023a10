"""How sure a mean over images is."""

from collections.abc import Sequence

import numpy as np

from nuseg.types import Floats

RESAMPLES = 10_000
BLOCK = 1_000_000  # values drawn at a time, which bounds the memory


def bootstrap_ci(
    values: Sequence[float] | Floats, seed: int = 0, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """Mean with its percentile bootstrap confidence interval (Efron and Tibshirani 1993, chapter 13).

    The images are drawn with replacement. Images that resemble one another (one patient, one slide) are taken
    as independent, so the interval is then too narrow.

    Parameters
    ----------
    values : (n,)
        One score per image; NaN (no score) is left out.
    seed : int
        Same seed, same interval.
    level : float
        Coverage, 0..1.
    resamples : int
        Number of bootstrap samples.

    Returns
    -------
    mean, low, high : float
        `low` and `high` are NaN for fewer than two values, which say nothing about the spread; without any value
        the mean is NaN, too.
    """
    from scipy.stats import bootstrap  # takes half a second to import

    scores = np.asarray(values, float)
    scores = scores[~np.isnan(scores)]
    if scores.size < 2:
        return (float(scores[0]) if scores.size else float("nan")), float("nan"), float("nan")
    interval = bootstrap(
        (scores,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, BLOCK // scores.size),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(scores.mean()), float(interval.low), float(interval.high)
