"""How many nuclei of each class an image holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from nuseg.measure.classes import Colour, class_colours
from nuseg.measure.counts import CountError, count_interval


@dataclass(frozen=True)
class ClassCount:
    """Nuclei of a class.

    All intervals are those that the numbers had, were every nucleus given its class rightly.

    Attributes
    ----------
    name : str
    nuclei : int
        Whose most probable class it is.
    nuclei_low, nuclei_high : int, optional
        Between which numbers the true count is to be expected; None where the model does not say.
    nuclei_per_mm2 : float, optional
        Over the area that all densities are over; None where that is 0.
    per_mm2_low, per_mm2_high : float, optional
        `nuclei_low` and `nuclei_high` over that area.
    share : float, optional
        Of all nuclei, 0..1; None where there are none.
    share_low, share_high : float, optional
        95 % interval of the share in tissue of which these nuclei are a sample, see `share_with_interval`.
    colour : (red, green, blue), 0..255
        In all outputs.
    """

    name: str
    nuclei: int
    nuclei_low: int | None
    nuclei_high: int | None
    nuclei_per_mm2: float | None
    per_mm2_low: float | None
    per_mm2_high: float | None
    share: float | None
    share_low: float | None
    share_high: float | None
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
        density, least, most = (None if one is None or not mm2 else one / mm2 for one in (count, low, high))
        share, share_low, share_high = share_with_interval(count, total)
        numbers = (density, least, most, share, share_low, share_high)
        found.append(ClassCount(name, count, low, high, *numbers, colours[name]))
    return found


def share_with_interval(count: int, total: int) -> tuple[float, float, float] | tuple[None, None, None]:
    """Share of a class, by `count` of `total` nuclei, and its 95 % interval; None of no nuclei.

    It knows by how few nuclei the share is told, not how often a class is wrong.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not total:
        return None, None, None
    from scipy.stats import binomtest  # which takes long to load

    interval = binomtest(count, total).proportion_ci(0.95, "wilson")
    return count / total, float(interval.low), float(interval.high)
