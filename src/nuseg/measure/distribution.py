"""Quantiles of values that were counted by whole units."""

from collections.abc import Sequence

import numpy as np

from nuseg.types import Floats, Integers


def quantiles_of_counts(counts: Integers, shares: Sequence[float]) -> Floats:
    """Find quantiles; within a unit values are taken as evenly spread.

    Parameters
    ----------
    counts : (n,) int
        How many values lie in [0, 1), [1, 2) and so on.
    shares : sequence of float
        0..1.

    Returns
    -------
    (len(shares),) float64
        NaN where nothing was counted.
    """
    total = int(counts.sum())
    if not total:
        return np.full(len(shares), np.nan)
    wanted = np.asarray(shares) * total
    sums = np.cumsum(counts)
    unit = np.searchsorted(sums, np.maximum(wanted, np.finfo(float).tiny))
    return np.asarray(unit + (wanted - (sums[unit] - counts[unit])) / counts[unit])
