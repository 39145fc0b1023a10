"""Several nuclei that have one number."""

from collections.abc import Sequence

import numpy as np

from nuseg.quality.check import INSTANCES, Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.necks import Neck, find_neck
from nuseg.quality.overlap import Covered, covered
from nuseg.quality.sample import Found, Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural

# The neck between two nuclei: at most this narrow, with at least this dent (px), share of the smaller part, and
# convexity of both parts. The narrower it is, the less the rest matters.
NECKS = ((0.5, 2.0, 0.2, 0.75), (0.75, 2.0, 0.25, 0.89), (0.85, 2.5, 0.25, 0.91))
COVER = 0.75  # share of the annotated nucleus that the model's nuclei cover
INSIDE = 0.75  # share of a nucleus of the model that lies within the annotated one
PART = 0.15  # share of the annotated nucleus that a nucleus of the model covers, to count
SURE = 0.8  # probability of each of the model's nuclei
SMALL_DENT = 1.2  # px: enough where the model sees several nuclei


def measure(sample: Sample) -> Suspects:
    """Find nuclei with a neck, and those in which the model sees several."""
    places = [
        place for number in np.flatnonzero(sample.whole).tolist() if (place := _suspect(sample, number)) is not None
    ]
    return Suspects(tuple(places), sample.count)


def _suspect(sample: Sample, number: int) -> Suspect | None:
    crop = sample.boxes[number]
    assert crop is not None
    nucleus = sample.labels[crop] == number
    neck = find_neck(nucleus)
    if neck is None:
        return None
    box, necked, found = sample.box(number), has_neck(neck), sample.found
    if found is None:
        return Suspect(box, (number,), 1 - neck.narrow) if necked else None
    seen = covered(found, crop, nucleus)
    within = _within(found, seen)
    cover = float(seen.shared[within].sum() / seen.area)
    numbers = seen.numbers[within].tolist()
    several = len(numbers) >= 2 and cover > COVER and min(found.probability[numbers]) > SURE
    one = len(numbers) == 1 and cover > COVER
    if (several and neck.dent > SMALL_DENT) or (necked and not one):
        return Suspect(box, (number,), cover * len(numbers), tuple(found.outline(part) for part in numbers))
    return None


def has_neck(neck: Neck) -> bool:
    """Whether a neck is that between two nuclei."""
    return any(
        neck.narrow < narrow and neck.dent > dent and neck.share > share and neck.lobes > lobes
        for narrow, dent, share, lobes in NECKS
    )


def _within(found: Found, seen: Covered) -> np.ndarray:
    """Say which of the model's nuclei under a nucleus are a part of it."""
    return np.asarray((seen.shared > PART * seen.area) & (seen.shared > INSIDE * found.areas[seen.numbers]))


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of merged nuclei."""
    return judge_suspects(
        measured,
        "merged",
        lambda count, of: f"{plural(count, 'number')} of {of:,} on what looks like several nuclei",
        "part them, and give each nucleus a number",
    )


CHECK = Check(
    name="merged",
    title="Nuclei merged",
    help="One number on an outline with a narrow neck between two rounded parts; or with dents, where the model is "
    "sure of several nuclei.",
    position=35,
    measure=measure,
    judge=judge,
    kinds=INSTANCES,
)
