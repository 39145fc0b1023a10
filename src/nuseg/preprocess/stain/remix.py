"""Normalisation by stains: taken apart by those of the image, put together with those of the target."""

from collections.abc import Callable

from nuseg.preprocess.stain.amounts import density_over, gain, stained_with, strong_amounts
from nuseg.preprocess.stain.fit import Colour, StainFit, as_direction
from nuseg.preprocess.stain.method import Amounts
from nuseg.types import RGB, Floats


def fit_stains(
    method: str, pixels: RGB, white: Colour, directions: Callable[[Floats], Floats], amounts: Amounts
) -> StainFit:
    """Fit stained pixels by the directions of their stains.

    Parameters
    ----------
    method : str
        Its name.
    pixels : (n, 3) uint8
        RGB of stained pixels.
    white : Colour
        Of the glass.
    directions : function
        Finds haematoxylin and eosin, (2, 3), in optical densities (n, 3).
    amounts : function
        How much of either stain makes up a density.
    """
    density = density_over(pixels, white)
    vectors = directions(density)
    return StainFit(
        method=method,
        white=white,
        haematoxylin=as_direction(vectors[0]),
        eosin=as_direction(vectors[1]),
        values={"amounts": strong_amounts(amounts(density, vectors))},
        pixels=len(pixels),
    )


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
