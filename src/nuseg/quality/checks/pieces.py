"""Numbers on several separate pieces: nuclei that share a number, and label images that are maps of classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.annotations.labels import MANY_PIECES, pieces
from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural

LARGE_UM2 = 5.0  # a piece of this area is no crumb
LARGE = 0.2  # nor is one of this share of its number's largest piece
MOST = 0.5  # share of the annotated area on scattered numbers from which on it is a map of classes


@dataclass(frozen=True)
class Pieces:
    """Numbers on two pieces, and how much lies on numbers with more.

    Attributes
    ----------
    double : Suspects
    scattered : int
        Numbers on three or more pieces.
    share : float
        Of the annotated area that these cover, 0..1.
    most : int
        Pieces of the number with most of them.
    """

    double: Suspects
    scattered: int
    share: float
    most: int


def measure(sample: Sample) -> Pieces:
    """Count the large pieces of every number."""
    owner, size = pieces(sample.labels)
    largest = np.zeros(len(sample.areas), np.int64)
    np.maximum.at(largest, owner, size)
    large = (size * sample.mpp**2 >= LARGE_UM2) & (size >= LARGE * largest[owner])
    count = np.bincount(owner[large], minlength=len(sample.areas))
    count[~sample.known] = 0
    scattered = count >= MANY_PIECES
    # What lies over a nucleus may part it.
    double = [number for number in np.flatnonzero(count > 1).tolist() if not _parted_by_another(sample, number)]
    places = tuple(Suspect(sample.box(number), (number,), float(count[number])) for number in double)
    return Pieces(
        Suspects(places, sample.count),
        int(scattered.sum()),
        float(sample.areas[scattered].sum() / max(1, sample.areas[1:].sum())),
        int(count.max(initial=0)),
    )


def _parted_by_another(sample: Sample, number: int) -> bool:
    """Whether what lies between the pieces of a nucleus is mostly other nuclei."""
    from skimage.morphology import convex_hull_image

    crop = sample.boxes[number]
    assert crop is not None
    labels = sample.labels[crop]
    between = np.asarray(convex_hull_image(labels == number)) & (labels != number)  # type: ignore[no-untyped-call, unused-ignore]
    return bool(np.count_nonzero(labels[between]) > 0.5 * np.count_nonzero(between))


def judge(measured: Sequence[Measured[Pieces]]) -> list[Finding]:
    """Tell of maps of classes, and of numbers on two pieces elsewhere."""
    maps = [one for one in measured if one.facts.share > MOST]
    rest = [Measured(one.item, one.facts.double) for one in measured if one.facts.share <= MOST]
    return [_of_map(one) for one in maps] + judge_suspects(
        rest,
        "pieces",
        lambda count, of: f"{plural(count, 'number')} of {of:,} on several separate pieces",
        "give every nucleus a number of its own",
    )


def _of_map(one: Measured[Pieces]) -> Finding:
    return Finding(
        "pieces",
        "warning",
        (one.item.name,),
        f"labels are no numbers of nuclei: {plural(one.facts.scattered, 'number')} on up to "
        f"{plural(one.facts.most, 'separate piece')}, as in a map of classes or a mask",
        "make the dataset again from label images with one number per nucleus; read a map of classes or a mask as such",
        (View(one.item.name, "as annotated"),),
    )


CHECK = Check(
    name="pieces",
    title="Maps of classes, numbers on several pieces",
    help="Numbers on separate pieces of a nucleus' size, which nothing annotated parts; many of them mean a map of "
    "classes or a mask.",
    position=40,
    measure=measure,
    judge=judge,
)
