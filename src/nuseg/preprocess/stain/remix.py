"""Normalisation by stains: taken apart by those of the image, put together with those of the target."""

from nuseg.preprocess.stain.amounts import density_over, gain, stained_with
from nuseg.preprocess.stain.fit import StainFit
from nuseg.preprocess.stain.method import Amounts
from nuseg.types import RGB


def remix(pixels: RGB, found: StainFit, wanted: StainFit, amounts: Amounts) -> RGB:
    """Give pixels the stains of another image, in amounts as strong as there.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB.
    found, wanted : StainFit
        How their image is stained, and the other one; both have the values `amounts`.
    amounts : function
        How much of either stain makes up a density.

    Returns
    -------
    (h, w, 3) uint8
        What neither stain explains is left out.
    """
    strength = gain(wanted.values["amounts"], found.values["amounts"])
    separated = amounts(density_over(pixels, found.white), found.vectors)
    return stained_with(separated, strength[:, None] * wanted.vectors)
