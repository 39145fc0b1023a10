"""How many nuclei an image holds, and how densely."""

import numpy as np

from nuseg.model.config import CountError


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
