"""What a method of stain normalisation is."""

from collections.abc import Callable
from dataclasses import dataclass

from nuseg.preprocess.stain.amounts import least_squares
from nuseg.preprocess.stain.fit import Colour, StainFit
from nuseg.types import RGB, Floats

Fit = Callable[[RGB, Colour], StainFit]
"""From stained pixels `(n, 3)` uint8 RGB and the colour of the glass to how they are stained."""

Transform = Callable[[RGB, StainFit, StainFit], RGB]
"""From pixels `(h, w, 3)` uint8 RGB, how their image is stained and how it shall be, to such pixels. Each pixel by
itself, so that tiles have no seams; what is as white as the glass becomes white."""

Amounts = Callable[[Floats, Floats], Floats]
"""From optical densities `(..., 3)` and both stains as rows `(2, 3)` to how much there is of either, `(..., 2)`."""


@dataclass(frozen=True)
class StainMethod:
    """A way to find how an image is stained, and to stain it otherwise.

    Attributes
    ----------
    name : str
        How users name it.
    help : str
        What it does, in a few words without a full stop.
    fit, transform : functions
        See `Fit` and `Transform`. Neither gives NaN, whatever the pixels.
    amounts : function
        How stains are told apart; see `Amounts`.
    """

    name: str
    help: str
    fit: Fit
    transform: Transform
    amounts: Amounts = least_squares
