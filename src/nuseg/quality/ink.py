"""Ink and black dirt on the tissue."""

import numpy as np

from nuseg.types import Floats, LabelImage, Mask

BLUE = 1.2  # red absorbed over green absorbed: haematoxylin and eosin absorb green most
STRONG = 0.5  # optical density of red: thinner traces are no ink
BLACK = 0.6  # mean optical density
COLOURLESS = 0.25  # how far the channels differ at most, over their mean


def find_ink(density: Floats, labels: LabelImage) -> Mask:
    """Find blue and green ink, and what is black and darker than nuclei, outside of the annotated nuclei.

    Parameters
    ----------
    density : (h, w, 3) float32
        Optical density of red, green and blue.
    labels : (h, w) integer

    Returns
    -------
    (h, w) bool
    """
    red, green, _ = np.moveaxis(density, 2, 0)
    mean = density.mean(axis=2)
    nuclei = mean[labels > 0]
    dark = max(BLACK, float(np.percentile(nuclei, 90))) if nuclei.size else BLACK
    black = (mean > dark) & (density.max(axis=2) - density.min(axis=2) < COLOURLESS * mean)
    blue = (red > BLUE * green) & (red > STRONG)
    return np.asarray((black | blue) & (labels == 0))
