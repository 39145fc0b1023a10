"""What lies over one another in a training image: its pixels, its nuclei, and what a teacher sees there."""

from typing import NamedTuple

import numpy as np


class Layers(NamedTuple):
    """An image, or a patch of it, whose layers are cut, pasted and hidden together.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w)
        Label image; what it is not known of is `UNKNOWN`.
    taught : (h, w, n) uint8, optional
        Maps of the teacher, 0..255 for 0..1; None where there is no teacher.
    """

    pixels: np.ndarray
    labels: np.ndarray
    taught: np.ndarray | None = None
