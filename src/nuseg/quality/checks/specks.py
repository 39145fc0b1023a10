"""Specks: numbers too small for a nucleus, and crumbs beside nuclei."""

from collections.abc import Sequence

import numpy as np

from nuseg.annotations.labels import pieces
from nuseg.datasets.checks import SPECK_UM2
from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural


def measure(sample: Sample) -> Suspects:
    """Find whole nuclei below `SPECK_UM2`, and nuclei with a piece below it; at the border pieces may be small."""
    owner, size = pieces(sample.labels)
    small = size * sample.mpp**2 < SPECK_UM2
    least = np.full(len(sample.areas), np.iinfo(np.int64).max)
    np.minimum.at(least, owner[small], size[small])
    numbers = np.flatnonzero((least < np.iinfo(np.int64).max) & sample.whole).tolist()
    places = tuple(Suspect(sample.box(number), (number,), -float(least[number])) for number in numbers)
    return Suspects(places, sample.count)


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of specks."""
    return judge_suspects(
        measured,
        "specks",
        lambda count, of: (
            f"{plural(count, 'number')} of {of:,} with a piece below {SPECK_UM2:g} um2, too small for a nucleus"
        ),
        "remove what is no nucleus: stray clicks, crumbs, rests of polygons that others cover",
    )


CHECK = Check(
    name="specks",
    title="Specks",
    help=f"Annotated pieces below {SPECK_UM2:g} um2 that do not touch the border of the image.",
    position=50,
    measure=measure,
    judge=judge,
)
