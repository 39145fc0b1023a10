"""Names for the arrays that pass between functions; a docstring says the shape."""

from typing import Any

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""Pixels `(h, w, 3)`, red, green, blue, 0..255."""

LabelImage = npt.NDArray[np.integer[Any]]
"""Label image `(h, w)`: 0 = background, 1..N = nuclei."""

Mask = npt.NDArray[np.bool_]
"""True or false for each pixel `(h, w)`, or for each of a list `(n,)`."""

Floats = npt.NDArray[np.floating[Any]]
"""Numbers of any precision."""

Integers = npt.NDArray[np.integer[Any]]
"""Whole numbers of any size: indices, counts."""
