"""Stains as the two extreme directions of optical density.

Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009.
"""

import numpy as np

from nuseg.preprocess.stain.amounts import MIN_DENSITY, least_squares, two_stains
from nuseg.preprocess.stain.fit import Colour, StainFit
from nuseg.preprocess.stain.method import StainMethod
from nuseg.preprocess.stain.remix import fit_stains, remix
from nuseg.types import RGB, Floats, Mask

EXTREME = 1.0  # percentile of the angles, and 100 less it
CLEAR = 2 * MIN_DENSITY  # mean over the channels of what is clearly stained
MOST_LOST = 0.1  # share of it that the paper's threshold may leave out


def extreme_directions(density: Floats) -> Floats:
    """Find the stains in optical densities.

    The pixels of two stains lie in a plane: that of the two largest eigenvectors of their covariance. In it the stains
    are the directions beyond which there is hardly a pixel.

    Parameters
    ----------
    density : (n, 3) float
        Of stained pixels, at least two.

    Returns
    -------
    (2, 3) float64
        Haematoxylin and eosin, of length 1.
    """
    exact = np.asarray(density, np.float64)
    exact = exact[choose_pixels(exact)]
    _, axes = np.linalg.eigh(np.cov(exact.T))
    second, first = axes[:, 1], axes[:, 2]
    first = first * np.sign(first.sum() or 1)  # so that no angle lies where they jump by a full turn
    angles = np.arctan2(exact @ second, exact @ first)
    low, high = np.percentile(angles, [EXTREME, 100 - EXTREME])
    one, other = (np.cos(angle) * first + np.sin(angle) * second for angle in (low, high))
    return two_stains(one, other, exact.mean(axis=0))


def choose_pixels(density: Floats) -> Mask:
    """Choose those of densities `(n, 3)` that the stains are looked for in: `(n,)` bool.

    The paper takes what is stained in every channel. An eosin that absorbs hardly any red is lost by it: then what is
    clearly stained by its mean is taken, and all where that is next to nothing.
    """
    everywhere, clear = (density >= MIN_DENSITY).all(axis=1), density.mean(axis=1) >= CLEAR
    chosen: Mask = everywhere if (clear & ~everywhere).sum() <= MOST_LOST * clear.sum() else clear
    return chosen if chosen.sum() > 1 else np.ones(len(density), bool)


def fit(pixels: RGB, white: Colour) -> StainFit:
    """Fit stained pixels; see `nuseg.preprocess.stain.method.Fit`."""
    return fit_stains("macenko", pixels, white, extreme_directions, least_squares)


def transform(pixels: RGB, found: StainFit, wanted: StainFit) -> RGB:
    """Normalise pixels; see `nuseg.preprocess.stain.method.Transform`."""
    return remix(pixels, found, wanted, least_squares)


METHOD = StainMethod("macenko", "the two extreme directions of optical density (Macenko 2009)", fit, transform)
