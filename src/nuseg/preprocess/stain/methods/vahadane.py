"""Stains by sparse non-negative factors: most pixels hold much of one and little of the other.

Source: Vahadane et al., "Structure-preserving color normalization and sparse stain separation for histological images",
IEEE Transactions on Medical Imaging 35 (2016). The stains are updated as by Mairal et al., "Online dictionary learning
for sparse coding", ICML 2009, with all pixels at once.
"""

import numpy as np

from nuseg.preprocess.stain.amounts import combine, two_stains
from nuseg.preprocess.stain.fit import Colour, StainFit, as_direction
from nuseg.preprocess.stain.method import StainMethod
from nuseg.preprocess.stain.methods.macenko import extreme_directions
from nuseg.preprocess.stain.remix import fit_stains, remix
from nuseg.types import RGB, Floats

LN = np.log(10)  # the paper takes ln for optical density
SPARSITY = 0.1 / LN  # price of an amount where stains are looked for
LITTLE = 0.01 / LN  # where amounts are: nearly none
STEPS = 300
STILL = 1e-6  # change of the stains at which the search ends
SWEEPS = 10  # over both stains, for amounts that are held


def sparse_amounts(density: Floats, vectors: Floats, price: float = LITTLE) -> Floats:
    """Find amounts that are not negative and cheap: the exact minimum for two stains.

    It minimises `|density - amounts @ vectors|^2 / 2 + price * sum(amounts)`: with both stains, or where one would be
    negative, with the other alone.

    Parameters
    ----------
    density : (..., 3) float
        Optical density.
    vectors : (2, 3) float
        Stains of length 1.
    price : float
        Optical density that an amount costs.

    Returns
    -------
    (..., 2) float32
    """
    both = np.float32(vectors[0] @ vectors[1])
    apart = combine(density, vectors.T) - np.float32(price)
    alone = [apart[..., stain] for stain in (0, 1)]
    pair = [(alone[stain] - both * alone[1 - stain]) / (1 - both**2) for stain in (0, 1)]
    amounts = np.empty((*density.shape[:-1], 2), np.float32)
    mixed = (pair[0] > 0) & (pair[1] > 0)
    for stain in (0, 1):
        single = np.where(alone[stain] >= alone[1 - stain], np.maximum(alone[stain], 0), 0)
        amounts[..., stain] = np.where(mixed, pair[stain], single)
    return amounts


def sparse_directions(density: Floats) -> Floats:
    """Find the stains in optical densities: those by which sparse amounts explain them best.

    The search begins with Macenko's. Amounts and stains are improved by turns, until the stains stay.

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
    vectors = extreme_directions(density)
    for _ in range(STEPS):
        amounts = sparse_amounts(exact, vectors, SPARSITY).astype(np.float64)
        improved = best_vectors(vectors, amounts.T @ amounts, amounts.T @ exact)
        moved = np.abs(improved - vectors).max()
        vectors = improved
        if moved < STILL:
            break
    return two_stains(vectors[0], vectors[1], exact.mean(axis=0))


def best_vectors(vectors: Floats, of_amounts: Floats, with_density: Floats) -> Floats:
    """Improve stains `(2, 3)` for amounts that are held, by their products `(2, 2)` and with the densities `(2, 3)`."""
    improved = vectors.copy()
    for _ in range(SWEEPS):
        for stain in (0, 1):
            weight = of_amounts[stain, stain]
            if weight <= 1e-12:  # no pixel has any of it
                continue
            step = (with_density[stain] - of_amounts[stain] @ improved) / weight
            improved[stain] = as_direction(improved[stain] + step)
    return improved


def fit(pixels: RGB, white: Colour) -> StainFit:
    """Fit stained pixels; see `nuseg.preprocess.stain.method.Fit`."""
    return fit_stains("vahadane", pixels, white, sparse_directions, sparse_amounts)


def transform(pixels: RGB, found: StainFit, wanted: StainFit) -> RGB:
    """Normalise pixels; see `nuseg.preprocess.stain.method.Transform`."""
    return remix(pixels, found, wanted, sparse_amounts)


METHOD = StainMethod("vahadane", "sparse stains that are not negative (Vahadane 2016)", fit, transform, sparse_amounts)
