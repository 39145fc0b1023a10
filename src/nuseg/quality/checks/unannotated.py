"""Nuclei that are not annotated, although the model is sure of them."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Box, Finding
from nuseg.quality.overlap import shared_with
from nuseg.quality.sample import Found, Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural
from nuseg.types import Floats, Mask

SURE = 0.9  # probability
OVERLAP = 0.1  # share of the model's nucleus that may be annotated
REACH_UM = 18.0  # nuclei so near to each other are one area
TOGETHER = 4  # missing nuclei that make an unannotated area
MANY, SHARE = 4, 0.04  # missing nuclei of an image that are worth a warning: their number, and share of all


def measure(sample: Sample) -> Suspects:
    """Find the model's sure nuclei that no annotation covers; those in unannotated areas first."""
    found = sample.found
    assert found is not None
    size = len(found.probability)
    missing = (
        (found.probability > SURE)
        & (shared_with(found.labels, sample.labels, size) < OVERLAP * found.areas)
        & sample.inside(found.labels, size)
    )
    numbers = np.flatnonzero(missing).tolist()
    outlines = {number: found.outline(number) for number in numbers}
    alone = in_gaps(centres(found, missing), _annotated(sample), REACH_UM / sample.mpp)
    places = tuple(
        Suspect(_box(outlines[number]), (), float(found.probability[number]) + gap, (outlines[number],))
        for number, gap in zip(numbers, alone.tolist(), strict=True)
    )
    return Suspects(places, sample.count + len(places), grave=bool(alone.any()))


def in_gaps(missing: Floats, annotated: Floats, reach: float) -> Mask:
    """Say which of the missing nuclei lie where more are missing than annotated.

    Parameters
    ----------
    missing, annotated : (n, 2), (m, 2) float64
        Centres (px).
    reach : float
        How far around each is counted (px).
    """
    if len(missing) < TOGETHER:
        return np.zeros(len(missing), bool)
    own = cKDTree(missing).query_ball_point(missing, reach, return_length=True)
    others = cKDTree(annotated).query_ball_point(missing, reach, return_length=True) if len(annotated) else 0
    return np.asarray((own >= TOGETHER) & (own > others))


def centres(found: Found, chosen: Mask) -> Floats:
    """Mean row and column of each chosen number of the model's label image: (n, 2) float64."""
    return _means(found.labels, found.areas)[chosen]


def _annotated(sample: Sample) -> Floats:
    return _means(sample.labels, sample.areas)[sample.areas > 0][1:]


def _means(labels: np.ndarray, areas: np.ndarray) -> Floats:
    rows, columns = np.indices(labels.shape)
    sums = [np.bincount(labels.ravel(), axis.ravel(), len(areas)) for axis in (rows, columns)]
    return np.asarray(np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None])


def _box(outline: Floats) -> Box:
    (left, top), (right, bottom) = np.floor(outline.min(axis=0)), np.ceil(outline.max(axis=0))
    return int(top), int(left), int(bottom), int(right)


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of images with unannotated nuclei."""
    return judge_suspects(
        measured,
        "unannotated",
        lambda count, of: f"{plural(count, 'nucleus', 'nuclei')} not annotated that the model is sure of",
        "annotate them, or cut the image to what is annotated: a network learns that they are background",
        many=MANY,
        share=SHARE,
    )


CHECK = Check(
    name="unannotated",
    title="Unannotated nuclei",
    help=f"Nuclei that the model gives a probability above {SURE:g}, and that no annotation covers.",
    position=80,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
    needs_model=True,
)
