"""How many nuclei of each class an image holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from nuseg.measure.classes import Colour, class_colours
from nuseg.measure.counts import CountError, count_interval


@dataclass(frozen=True)
class ClassCount:
    """Nuclei of a class.

    Attributes
    ----------
    name : str
    nuclei : int
        Whose most probable class it is.
    nuclei_low, nuclei_high : int, optional
        Between which numbers the true count is to be expected, were every nucleus found given its class rightly.
    nuclei_per_mm2 : float, optional
        Over the area that all densities are over; None where that is 0.
    share : float, optional
        Of all nuclei, 0..1; None where there are none.
    colour : (red, green, blue), 0..255
        In all outputs.
    """

    name: str
    nuclei: int
    nuclei_low: int | None
    nuclei_high: int | None
    nuclei_per_mm2: float | None
    share: float | None
    colour: Colour


def count_classes(counts: Mapping[str, int], mm2: float, error: CountError | None) -> list[ClassCount]:
    """Say how many nuclei of each class there are, and how densely.

    Parameters
    ----------
    counts : mapping
        Nuclei found of each class.
    mm2 : float
        Area that they were counted in.
    error : CountError, optional
        Of the model.
    """
    total, colours = sum(counts.values()), class_colours(list(counts))
    found = []
    for name, count in counts.items():
        low, high = count_interval(count, error) or (None, None)
        density = count / mm2 if mm2 else None
        found.append(ClassCount(name, count, low, high, density, count / total if total else None, colours[name]))
    return found
