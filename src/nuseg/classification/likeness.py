"""Whether nuclei are like the examples that a classifier was learned from."""

from typing import Annotated

import numpy as np
from pydantic import Field

from nuseg.strict import Strict
from nuseg.types import Floats

LOW, HIGH = 0.1, 0.9  # quantiles that the spread of a feature is taken from
DEVIATIONS = 2.5631  # between these quantiles of a normal distribution
FARTHEST = 4.0  # spreads beyond which a feature says no more: no single one decides
INSIDE = 0.975  # share of the examples within the limit
SMALLEST = 1e-3  # spread, as a share of the middle: examples may all have one value
DIGITS = 6
UNLIKE = 0.5  # share of an image's nuclei from which on it is said: images of one laboratory stay below

Number = Annotated[float, Field(allow_inf_nan=False)]
Spread = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Reach(Strict):
    """Where the features of the examples lie."""

    middle: list[Number] = Field(description="median of each feature")
    spread: list[Spread] = Field(description="robust standard deviation of each feature")
    limit: Spread = Field(description="distance within which nearly all examples are")

    def distances(self, values: Floats) -> Floats:
        """How far nuclei `(n, m)` are from the middle of the examples, `(n,)`: root mean square over the features.

        Each feature counts in its own spreads, at most `FARTHEST` of them.
        """
        apart = (values - np.array(self.middle)) / np.array(self.spread)
        return np.asarray(np.sqrt((np.clip(apart, -FARTHEST, FARTHEST) ** 2).mean(axis=1)))

    def unlike(self, values: Floats) -> float:
        """Share of nuclei `(n, m)` that lie beyond the examples, 0..1; 0 of none."""
        return float((self.distances(values) > self.limit).mean()) if len(values) else 0.0


def reach_of(values: Floats) -> Reach:
    """Find where examples `(n, m)` lie."""
    middle = np.median(values, axis=0)
    low, high = np.quantile(values, [LOW, HIGH], axis=0)
    least = SMALLEST * np.maximum(np.abs(middle), SMALLEST)
    spread = np.maximum((high - low) / DEVIATIONS, least)
    found = Reach(middle=_short(middle), spread=_short(spread), limit=1.0)
    return found.model_copy(update={"limit": float(np.quantile(found.distances(values), INSIDE)) or 1.0})


def _short(values: Floats) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
