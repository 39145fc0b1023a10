"""Optical density against the glass, and how much of two stains makes it up.

Everything here is done pixel by pixel, by additions and multiplications in a fixed order: so a pixel comes out the
same in every tile.
"""

import numpy as np

from nuseg.measure.stain import DENSITY_OF_VALUE, STAINS, value_of_density
from nuseg.preprocess.stain.fit import Colour, as_direction
from nuseg.types import RGB, Floats, Mask

MIN_DENSITY = 0.15 / np.log(10)  # of a stained pixel: the 0.15 of Macenko et al., who take ln
MIN_ANGLE = 5.0  # degrees between two stains that can be told apart
MAX_GAIN = 5.0  # more would show the camera's noise as colour
STRONG = 99.0  # percentile that stands for the strongest amount: the largest is an outlier


def density_over(pixels: RGB, white: Colour) -> Floats:
    """Optical density of pixels `(..., 3)` uint8 against the glass, at least 0: `(..., 3)` float32."""
    over: Floats = np.maximum(DENSITY_OF_VALUE[pixels] + np.log10(np.array(white) / 255).astype(np.float32), 0)
    return over


def mean_density(density: Floats) -> Floats:
    """Mean of the three channels, the same for a pixel alone as among others: `(...)` float32."""
    mean: Floats = (density[..., 0] + density[..., 1] + density[..., 2]) / 3
    return mean


def is_stained(density: Floats) -> Mask:
    """Which optical densities `(..., 3)` are those of stained tissue, by their mean: `(...)` bool."""
    found: Mask = mean_density(density) >= MIN_DENSITY
    return found


def combine(channels: Floats, matrix: Floats) -> Floats:
    """Multiply `(..., k)` by a matrix `(k, m)`, the same for a pixel alone as among others: `(..., m)` float32."""
    exact = matrix.astype(np.float32)
    mixed = np.empty((*channels.shape[:-1], exact.shape[1]), np.float32)
    for column in range(exact.shape[1]):
        total = channels[..., 0] * exact[0, column]
        for row in range(1, len(exact)):
            total += channels[..., row] * exact[row, column]
        mixed[..., column] = total
    return mixed


def least_squares(density: Floats, vectors: Floats) -> Floats:
    """Amounts `(..., 2)` of two stains `(2, 3)` whose mixture is nearest to densities `(..., 3)`; may be negative."""
    return combine(density, np.linalg.pinv(vectors))


def two_stains(first: Floats, second: Floats, mean: Floats) -> Floats:
    """Say which of two directions of density is haematoxylin, and mend what is no pair of stains.

    Haematoxylin absorbs more red. Where the directions are one, there is but one stain: the mean density of the pixels,
    taken for the one of both usual stains that is nearer, beside which the other one is put.

    Parameters
    ----------
    first, second : (3,) float
        Directions.
    mean : (3,) float
        Mean optical density of the pixels.

    Returns
    -------
    (2, 3) float64
        Haematoxylin and eosin, of length 1, not negative.
    """
    pair = np.array([as_direction(first), as_direction(second)])
    if pair.any(axis=1).all() and pair[0] @ pair[1] < np.cos(np.deg2rad(MIN_ANGLE)):
        return pair if pair[0, 0] > pair[1, 0] else pair[::-1]
    usual = STAINS[:2].copy()
    only = np.array(as_direction(mean))
    if only.any():
        usual[int(np.argmax(usual @ only))] = only
    return usual


def strong_amounts(amounts: Floats) -> tuple[float, float]:
    """Strongest amount of either stain among pixels `(n, 2)`, but for outliers; not negative."""
    haematoxylin, eosin = np.maximum(np.percentile(amounts, STRONG, axis=0), 0).tolist()
    return haematoxylin, eosin


def gain(wanted: tuple[float, ...], found: tuple[float, ...]) -> Floats:
    """How many times what is found makes what is wanted, within 1 / `MAX_GAIN` and `MAX_GAIN`; both not negative."""
    quotient = np.array(wanted) / np.maximum(found, 1e-6)
    return np.clip(quotient, 1 / MAX_GAIN, MAX_GAIN)


def stained_with(amounts: Floats, vectors: Floats) -> RGB:
    """Make pixels `(..., 3)` uint8 on white of amounts `(..., k)` of stains `(k, 3)`."""
    return value_of_density(combine(amounts, vectors))
