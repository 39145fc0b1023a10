"""A resolution that makes nuclei too small or too large."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Finding, Level, View
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import SHOWN

# Medians of public H&E sets at their true resolution run from 4.1 to 6.2 um.
PLAUSIBLE_UM = (3.2, 8.0)
FEW = 15  # nuclei: with fewer, an image is not compared with the others
FACTOR = 1.7  # by which an image's nuclei are larger or smaller than those of the others
UNUSUAL, SURE = 2.5, 4.0  # robust standard deviations that are worth a note, and a warning


@dataclass(frozen=True)
class Size:
    """Median diameter of the nuclei of an image (um; NaN without nuclei), their number, and the resolution (um/px)."""

    median_um: float
    nuclei: int
    mpp: float


def measure(sample: Sample) -> Size:
    """Measure the diameters of nuclei that do not touch the border."""
    diameters = sample.diameters_um
    return Size(float(np.median(diameters)) if diameters.size else np.nan, diameters.size, sample.mpp)


def judge(measured: Sequence[Measured[Size]]) -> list[Finding]:
    """Compare the median of all images with what tissue has, and each image with the others."""
    counted = [one for one in measured if one.facts.nuclei]
    if not counted:
        return []
    medians = np.array([one.facts.median_um for one in counted])
    weights = np.array([one.facts.nuclei for one in counted])
    order = np.argsort(medians)
    middle = float(medians[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])
    low, high = PLAUSIBLE_UM
    if not low <= middle <= high and weights.sum() >= FEW:
        return [_of_all(counted, middle)]
    many = weights >= FEW
    if np.count_nonzero(many) < 3:
        return []
    logs = np.log(medians)
    usual = float(np.median(logs[many]))
    spread = max(1.4826 * float(np.median(np.abs(logs[many] - usual))), 0.05)
    off = np.where(many, np.abs(logs - usual), 0)
    odd = [place for place in np.argsort(-off).tolist() if off[place] >= max(np.log(FACTOR), UNUSUAL * spread)]
    # Where images differ little from each other, as those of one organ do, one that differs is a fault.
    faults = [place for place in odd if off[place] >= SURE * spread]
    findings = [_of_some([counted[place]], float(np.exp(usual)), "warning") for place in faults]
    rest = [counted[place] for place in odd if place not in faults]
    return findings + ([_of_some(rest, float(np.exp(usual)), "note")] if rest else [])


def _of_all(counted: Sequence[Measured[Size]], middle: float) -> Finding:
    low, high = PLAUSIBLE_UM
    larger = middle < low
    factor = 2 ** max(1, round(abs(np.log2(middle / 5))))
    stated = counted[0].facts.mpp
    likely = stated * factor if larger else stated / factor
    biggest = sorted(counted, key=lambda one: -one.facts.nuclei)[:3]
    return Finding(
        "resolution",
        "warning",
        tuple(one.item.name for one in counted),
        f"half of the nuclei are {'smaller' if larger else 'larger'} than {middle:.2g} um across; nuclei in sections "
        f"are {low:g} to {high:g} um: the resolution is probably wrong",
        f"make the dataset again with a {'larger' if larger else 'smaller'} number of um/px (stated: {stated:g}; "
        f"{likely:g} would fit)",
        tuple(View(one.item.name, f"{one.item.name}: median {one.facts.median_um:.2g} um") for one in biggest),
    )


def _of_some(odd: Sequence[Measured[Size]], usual: float, level: Level) -> Finding:
    sizes = sorted(one.facts.median_um for one in odd)
    low, high = f"{sizes[0]:.2g}", f"{sizes[-1]:.2g}"
    span = low if low == high else f"{low} to {high}"
    return Finding(
        "resolution",
        level,
        tuple(one.item.name for one in odd),
        f"nuclei are {span} um across, in the other images {usual:.2g} um: another tissue, another "
        "resolution, or pieces of nuclei that are numbered as nuclei",
        f"check the resolution (stated: {odd[0].facts.mpp:g} um/px) and the labels",
        tuple(View(one.item.name, f"{one.item.name}: {one.facts.median_um:.2g} um") for one in odd[:SHOWN]),
    )


CHECK = Check(
    name="resolution",
    title="Wrong resolution",
    help="Nuclei that are too small or too large for tissue, or for the other images, at the stated resolution.",
    position=20,
    measure=measure,
    judge=judge,
)
