"""Images out of focus, or enlarged."""

from collections.abc import Sequence

import numpy as np

from nuseg.measure.focus import find_soft, sharpness
from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.sample import Sample


def measure(sample: Sample) -> float:
    """Measure the sharpness of an image."""
    return sharpness(sample.density)


def judge(measured: Sequence[Measured[float]]) -> list[Finding]:
    """Tell of images much softer than the others, or soft by any measure."""
    soft, usual = find_soft(np.array([one.facts for one in measured]))
    found = [one for one, is_soft in zip(measured, soft, strict=True) if is_soft]
    return [_finding(one, usual) for one in sorted(found, key=lambda one: one.facts)]


def _finding(one: Measured[float], usual: float) -> Finding:
    return Finding(
        "blur",
        "warning",
        (one.item.name,),
        f"image is out of focus, or was enlarged: sharpness {one.facts:.2f}, median of all images {usual:.2f}",
        "scan it again, or leave it out if nuclei cannot be outlined in it",
        (View(one.item.name, "as it is", outlined=False), View(one.item.name, "as annotated")),
    )


CHECK = Check(
    name="blur",
    title="Blur",
    help="Images with less detail of 1 to 2 px, against coarser detail, than the others or than any sharp section.",
    position=60,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
)
