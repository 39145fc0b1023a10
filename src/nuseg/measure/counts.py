"""How many nuclei an image holds, and how densely."""

import math

import numpy as np
from pydantic import Field

from nuseg.strict import Strict

LARGEST = 1000.0  # ratio of true to found numbers
HALF = 0.5  # nuclei added to every count, so that none has a logarithm too (Anscombe 1956)


class CountError(Strict):
    """How found numbers of nuclei relate to true ones, over images that the network did not learn from.

    See `nuseg.evaluation.counting.count_error` for how it is fitted, and `count_interval` for what follows.
    """

    images: int = Field(ge=1, description="images that it was measured on")
    datasets: int = Field(1, ge=1, description="datasets that they come from")
    bias: float = Field(allow_inf_nan=False, description="mean of found over true number, less 1")
    mean_absolute: float = Field(ge=0, allow_inf_nan=False, description="mean size of that error")
    low: float = Field(ge=0, le=LARGEST, description="lowest true number to expect, over a large number found")
    high: float = Field(ge=0, le=LARGEST, description="highest true number to expect, over a large number found")
    local: float = Field(
        0.0,
        ge=0,
        le=10,
        description="half-width of the interval of the ratio's logarithm that one nucleus alone would have; over n "
        "nuclei this part shrinks by the root of n",
    )


def image_area_mm2(shape: tuple[int, ...], mpp: float) -> float:
    """Area of an image of `shape` (height, width, ...) at `mpp` um/px, in mm2."""
    return shape[0] * shape[1] * mpp**2 / 1e6


def nuclei_per_mm2(count: int, shape: tuple[int, ...], mpp: float) -> float:
    """Nuclei per mm2 of image: the whole image counts, glass included."""
    return count / image_area_mm2(shape, mpp)


def count_interval(count: int, error: CountError | None) -> tuple[int, int] | None:
    """Between which numbers the true count of an image or a slide is to be expected.

    The logarithm of true over found number has a part that a laboratory, its annotators and a slide share, which
    `low` and `high` bound and no larger area makes smaller, and a local part, whose variance falls as 1 / n.

    Parameters
    ----------
    count : int
        Nuclei found.
    error : CountError, optional
        Of the model.

    Returns
    -------
    tuple of int, optional
        Lowest and highest number; None if the model does not say.
    """
    if error is None:
        return None
    if not (error.local and error.low and error.high):  # a model that knows no local part
        return int(count * error.low), math.ceil(count * error.high)
    shared = (math.log(error.high) - math.log(error.low)) / 2
    wider = math.exp(math.hypot(shared, error.local / math.sqrt(count + HALF)) - shared)
    low, high = (count + HALF) * error.low / wider - HALF, (count + HALF) * error.high * wider - HALF
    return max(int(low), 0), math.ceil(high)


def mask_fraction(labels: np.ndarray) -> float:
    """Share of the image that nuclei cover, 0..1."""
    return np.count_nonzero(labels) / labels.size
