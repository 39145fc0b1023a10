"""How sure a mean over images is."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from nuseg.types import Floats

RESAMPLES = 10_000
BLOCK = 1_000_000  # values drawn at a time, which bounds the memory


def bootstrap_ci(
    values: Sequence[float] | Floats,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    groups: Sequence[Hashable] | None = None,
) -> tuple[float, float, float]:
    """Mean with its percentile bootstrap confidence interval (Efron and Tibshirani 1993, chapter 13).

    The images are drawn with replacement. Images of one patient or slide resemble one another: where it is known which
    belong together, whole groups are drawn (the cluster bootstrap, Davison and Hinkley 1997, section 3.8). Images that
    are taken as independent and are not make the interval too narrow.

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
    groups : n names, optional
        Patient or slide of each image. None: every image is a group of its own.

    Returns
    -------
    mean, low, high : float
        `low` and `high` are NaN for fewer than two groups, which say nothing about the spread; without any value
        the mean is NaN, too.
    """
    scores = np.asarray(values, float)
    known = ~np.isnan(scores)
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    own = None if groups is None else [group for group, kept in zip(groups, known, strict=True) if kept]
    sums, counts = group_sums(scores[known], own)
    low, high = ratio_interval(sums, counts, seed, level, resamples)
    return float(scores[known].mean()), low, high


def group_sums(values: Floats, groups: Sequence[Hashable] | None = None) -> tuple[Floats, Floats]:
    """Sum and number of the values of each group, `(g,)` float64 both, in the order in which groups appear."""
    if groups is None:
        return values, np.ones(values.size)
    number = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    owner = np.array([number[group] for group in groups], int)
    sums: Floats = np.bincount(owner, values, len(number)).astype(float)
    counts: Floats = np.bincount(owner, minlength=len(number)).astype(float)
    return sums, counts


def ratio_interval(
    parts: Floats, wholes: Floats, seed: int = 0, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of a ratio of sums, `parts.sum() / wholes.sum()`.

    Parameters
    ----------
    parts, wholes : (g,) float
        Of each group that is drawn: the sum of its scores and the number of its images, or the nuclei found and all
        nuclei.
    seed, level, resamples
        As of `bootstrap_ci`.

    Returns
    -------
    low, high : float
        NaN for fewer than two groups.
    """
    from scipy.stats import bootstrap  # takes half a second to import

    if parts.size < 2:
        return float("nan"), float("nan")

    def shared(drawn: Floats, of: Floats, axis: int = -1) -> Any:
        total = of.sum(axis=axis)
        return np.divide(drawn.sum(axis=axis), total, out=np.zeros_like(total), where=total > 0)

    parts, wholes = np.asarray(parts, float), np.asarray(wholes, float)
    alike = bool(wholes[0]) and bool((wholes == wholes[0]).all())  # the plain mean is twice as fast
    interval = bootstrap(
        (parts / wholes[0],) if alike else (parts, wholes),
        np.mean if alike else shared,
        n_resamples=resamples,
        batch=max(1, BLOCK // parts.size),
        paired=not alike,
        vectorized=True,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    # Of means that differ in the last bit alone, rounding may turn the two round.
    low, high = sorted((float(interval.low), float(interval.high)))
    return low, high
