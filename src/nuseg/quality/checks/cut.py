"""Nuclei that are cut in two."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.quality.check import INSTANCES, Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.overlap import covered
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.quality.touching import Contact, Seam, contacts, describe_seam
from nuseg.text import plural

NOTCH, CROOKED = 1.2, 0.5  # px
SAME = 0.6  # IoU of the model's nucleus with both parts together, where there is a model
LEAST_UM2 = 5.0  # both parts together


@dataclass(frozen=True)
class Limits:
    """What a cut must meet: its least length, over the diameter of the smaller part; the solidity of both parts
    together; and how deep the notches at its ends may be, over its length.
    """

    length: float
    solidity: float
    notch: float


CONFIRMED = Limits(0.8, 0.85, 0.15)
ALONE = Limits(0.9, 0.88, 0.06)  # where no model confirms it


def measure(sample: Sample) -> Suspects:
    """Find pairs of nuclei that meet in a straight line without a notch at its ends."""
    places = [place for contact in contacts(sample.labels) if (place := _suspect(sample, contact))]
    return Suspects(tuple(places), sample.count)


def _suspect(sample: Sample, contact: Contact) -> Suspect | None:
    first, second = contact.first, contact.second
    if not (sample.whole[first] and sample.whole[second]):
        return None
    areas = sample.areas[[first, second]]
    if areas.sum() * sample.mpp**2 < LEAST_UM2:
        return None
    box = sample.box(first, second)
    crop = slice(box[0], box[2]), slice(box[1], box[3])
    both = np.isin(sample.labels[crop], (first, second))
    seam = describe_seam(both, contact.points - [box[1], box[0]])
    found = sample.found
    if not is_cut(seam, float(2 * np.sqrt(areas.min() / np.pi)), ALONE if found is None else CONFIRMED):
        return None
    if found is None:
        return Suspect(box, (first, second), score=seam.solidity)
    under = covered(found, crop, both)
    if not under.numbers.size:
        return None
    number, shared = int(under.numbers[0]), int(under.shared[0])
    iou = shared / (under.area + int(found.areas[number]) - shared)
    return Suspect(box, (first, second), iou, (found.outline(number),)) if iou >= SAME else None


def is_cut(seam: Seam, diameter: float, limits: Limits) -> bool:
    """Whether a contact is a cut through one nucleus, by the diameter (px) of the smaller part."""
    return (
        seam.crooked < CROOKED
        and seam.notch < min(NOTCH, limits.notch * seam.length)
        and seam.length > limits.length * diameter
        and seam.solidity > limits.solidity
    )


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of cut nuclei."""
    return judge_suspects(
        measured,
        "cut",
        lambda count, of: (
            f"{plural(count, 'nucleus', 'nuclei')} of {of:,} cut in two: both parts meet in a straight "
            "line, and together have the form of one nucleus"
        ),
        "give both parts one number; look at the seams of tiles if the cuts lie in a line",
    )


CHECK = Check(
    name="cut",
    title="Nuclei cut in two",
    help="Two nuclei that meet in a straight line, without a notch, and that together look like one; where the model "
    "is run, it must see one nucleus there.",
    position=30,
    measure=measure,
    judge=judge,
    kinds=INSTANCES,
)
