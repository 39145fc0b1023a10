"""A method of stain normalisation that another package adds: the strength of the stain alone."""

import numpy as np

from nuseg.preprocess.stain.amounts import density_over
from nuseg.preprocess.stain.fit import StainFit
from nuseg.preprocess.stain.method import StainMethod


def fit(pixels, white):
    """Keep the mean optical density of the stained pixels."""
    mean = float(density_over(pixels, white).mean())
    return StainFit(method="strength", white=white, values={"mean": (mean,)}, pixels=len(pixels))


def transform(pixels, found, wanted):
    """Multiply the optical density."""
    times = wanted.values["mean"][0] / max(found.values["mean"][0], 0.01)
    return np.rint(255 * 10 ** -(times * density_over(pixels, found.white))).astype(np.uint8)


METHOD = StainMethod("strength", "the strength of the stain alone", fit, transform)
