"""How many nuclei an image holds, and how densely."""

import numpy as np
from pydantic import Field

from nuseg.strict import Strict


class CountError(Strict):
    """How found numbers of nuclei relate to true ones, over validation images."""

    images: int = Field(ge=1, description="validation images")
    bias: float = Field(description="mean of found over true number, less 1")
    mean_absolute: float = Field(ge=0, description="mean size of that error")
    low: float = Field(ge=0, description="lowest true number that is to be expected, over the found one")
    high: float = Field(ge=0, description="highest true number that is to be expected, over the found one")


def image_area_mm2(shape: tuple[int, ...], mpp: float) -> float:
    """Area of an image of `shape` (height, width, ...) at `mpp` um/px, in mm2."""
    return shape[0] * shape[1] * mpp**2 / 1e6


def nuclei_per_mm2(count: int, shape: tuple[int, ...], mpp: float) -> float:
    """Nuclei per mm2 of image: the whole image counts, glass included."""
    return count / image_area_mm2(shape, mpp)


def count_interval(count: int, error: CountError | None) -> tuple[int, int] | None:
    """Between which numbers the true count of an image is to be expected; None if the model does not say."""
    return None if error is None else (int(count * error.low), int(np.ceil(count * error.high)))


def mask_fraction(labels: np.ndarray) -> float:
    """Share of the image that nuclei cover, 0..1."""
    return np.count_nonzero(labels) / labels.size
