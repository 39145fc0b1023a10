"""How sure a mean over images is."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000
BLOCK = 1_000_000  # values drawn at a time, which bounds the memory


def bootstrap_ci(
    values: Sequence[float] | np.ndarray, seed: int = 0, level: float = 0.95, resamples: int = RESAMPLES
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
    scores = np.asarray(values, float)
    scores = scores[~np.isnan(scores)]
    if scores.size < 2:
        return (float(scores[0]) if scores.size else float("nan")), float("nan"), float("nan")
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, BLOCK // scores.size)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = random.integers(scores.size, size=(count, scores.size))
        means[start : start + count] = scores[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(scores.mean()), float(low), float(high)
