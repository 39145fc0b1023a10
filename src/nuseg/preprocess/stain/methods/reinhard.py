"""Colour statistics: mean and standard deviation of lightness and of both colour axes.

Source: Reinhard et al., "Color transfer between images", IEEE Computer Graphics and Applications 21 (2001); in CIELAB,
as tools for histology do it, in place of the paper's logarithmic l-alpha-beta, which black pixels upset.
"""

import numpy as np

from nuseg.preprocess.stain.amounts import MIN_DENSITY, density_over, gain, mean_density
from nuseg.preprocess.stain.cielab import from_lab, to_lab
from nuseg.preprocess.stain.fit import Colour, StainFit
from nuseg.preprocess.stain.method import StainMethod
from nuseg.types import RGB


def on_white(pixels: RGB, white: Colour) -> RGB:
    """Make the glass white: pixels `(..., 3)` uint8."""
    scaled: RGB = np.minimum(np.rint(pixels * (255 / np.array(white, np.float32))), 255).astype(np.uint8)
    return scaled


def fit(pixels: RGB, white: Colour) -> StainFit:
    """Fit stained pixels; see `nuseg.preprocess.stain.method.Fit`."""
    lab = to_lab(on_white(pixels, white)).astype(np.float64)
    moments = {"mean": tuple(lab.mean(axis=0).tolist()), "deviation": tuple(lab.std(axis=0).tolist())}
    return StainFit(method="reinhard", white=white, values=moments, pixels=len(pixels))


def transform(pixels: RGB, found: StainFit, wanted: StainFit) -> RGB:
    """Normalise pixels; see `nuseg.preprocess.stain.method.Transform`.

    The statistics are those of stained pixels, so glass must not be moved with them: between glass and a stained pixel
    the change fades in with the optical density.
    """
    bright = on_white(pixels, found.white)
    stretch = gain(wanted.values["deviation"], found.values["deviation"]).astype(np.float32)
    of, to = (np.array(fit.values["mean"], np.float32) for fit in (found, wanted))
    moved = from_lab((to_lab(bright) - of) * stretch + to)
    density = mean_density(density_over(pixels, found.white))
    share = np.minimum(density / np.float32(MIN_DENSITY), 1)[..., None]
    return np.asarray(np.rint(bright + share * (moved - bright)), np.uint8)


METHOD = StainMethod("reinhard", "mean and spread of colours in CIELAB (Reinhard 2001)", fit, transform)
