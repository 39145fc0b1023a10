"""Whether two scores of the same images differ: interval, permutation test, correction for several, further images."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.evaluation.statistics import bootstrap_ci, group_sums
from nuseg.types import Floats

LEVEL = 0.05  # chance of calling equal ones different, over all that are compared
POWER = 0.8  # chance that a difference is seen for which further images are counted
PERMUTATIONS = 9_999  # drawn where there are more; all of them are counted up to 13 groups
MOST_GROUPS = 100_000  # more are as good as never


@dataclass(frozen=True)
class PairedTest:
    """Differences of a score between two candidates, over the images that both have.

    Attributes
    ----------
    images, groups : int
        How many images, and groups of them that are independent of one another.
    mean, low, high : float
        Mean difference over images, and its 95 % bootstrap interval over groups.
    p : float
        Of the permutation test: chance of a mean at least as far from 0 if the two were alike.
    smallest_p : float
        The smallest `p` that so few groups can give.
    spread : float
        Standard deviation of a group's mean difference, in the unit of the score.
    """

    images: int
    groups: int
    mean: float
    low: float
    high: float
    p: float
    smallest_p: float
    spread: float

    def groups_needed(self, comparisons: int = 1) -> int | None:
        """How many groups would show a difference as large as this one; see `groups_needed`."""
        return groups_needed(self.mean, self.spread, LEVEL / comparisons)


def paired_test(
    differences: Sequence[float] | Floats, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> PairedTest:
    """Test whether paired differences are 0 in the mean.

    Parameters
    ----------
    differences : (n,) float
        One per image, finite, at least one.
    groups : n names, optional
        Patient or slide of each image; None: every image is independent.
    seed : int
        Of the bootstrap and the permutations.
    """
    values = np.asarray(differences, float)
    sums, counts = group_sums(values, groups)
    mean, low, high = bootstrap_ci(values, seed, groups=groups)
    # Of a ratio of sums; for groups of one image it is the standard deviation of the differences.
    around = (sums - mean * counts) / counts.mean()
    return PairedTest(
        images=values.size,
        groups=sums.size,
        mean=mean,
        low=low,
        high=high,
        p=permutation_p(sums, seed),
        smallest_p=max(2.0 ** (1 - sums.size), 2 / (PERMUTATIONS + 1)),
        spread=float(np.sqrt((around**2).sum() / (sums.size - 1))) if sums.size > 1 else math.nan,
    )


def permutation_p(sums: Floats, seed: int = 0) -> float:
    """Two-sided p-value of a sum: were two candidates alike, each group's difference could as well have the other sign.

    All choices of signs are counted where there are fewer than `PERMUTATIONS`, else so many are drawn (Good,
    "Permutation, parametric and bootstrap tests of hypotheses", 2005).

    Parameters
    ----------
    sums : (g,) float
        Sum of the differences of each group.
    """
    from scipy.stats import permutation_test  # takes half a second to import

    if sums.size < 2 or not np.any(sums):
        return 1.0
    largest = np.abs(sums).max()
    return float(
        permutation_test(
            (sums,),
            # Rounded: sums that are equal must not differ by their last bits, or a tie counts on one side alone.
            lambda drawn, axis: np.round(drawn.sum(axis=axis) / largest, 9),
            permutation_type="samples",
            vectorized=True,
            n_resamples=PERMUTATIONS,
            batch=max(1, 1_000_000 // sums.size),
            rng=np.random.default_rng(seed),
        ).pvalue
    )


def holm(p: Sequence[float] | Floats) -> Floats:
    """p-values corrected for being several (Holm, Scandinavian Journal of Statistics 6, 1979), `(m,)` in 0..1."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    corrected = np.empty(values.size)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def groups_needed(mean: float, spread: float, level: float = LEVEL, power: float = POWER) -> int | None:
    """How many groups a paired t test needs to see a mean difference (Cohen, "Statistical power analysis", 1988).

    Parameters
    ----------
    mean, spread : float
        Mean difference and standard deviation of one group's.
    level, power : float
        Chance of an error of the first kind; chance that the difference is seen.

    Returns
    -------
    int or None
        None where no number that anybody has would do, or nothing is known.
    """
    from scipy.stats import nct, norm
    from scipy.stats import t as student

    if not (math.isfinite(mean) and math.isfinite(spread)) or mean == 0:
        return None
    effect = abs(mean) / spread if spread > 0 else math.inf
    normal = float((norm.isf(level / 2) + norm.isf(1 - power)) / effect) ** 2
    if normal > MOST_GROUPS:
        return None
    number = max(2, math.ceil(normal))
    while effect < math.inf and nct.sf(student.isf(level / 2, number - 1), number - 1, effect * number**0.5) < power:
        number += 1
    # So few that even the clearest difference is not seen by the permutation test are not enough.
    return max(number, math.ceil(1 - math.log2(level)))
