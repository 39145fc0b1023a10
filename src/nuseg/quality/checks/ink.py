"""Images with ink or black dirt on the tissue."""

from collections.abc import Sequence

from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.ink import find_ink
from nuseg.quality.sample import Sample

LEAST, MUCH = 0.01, 0.03  # shares of the image that are worth a note, and a warning


def measure(sample: Sample) -> float:
    """Measure the share of an image that ink covers."""
    return float(find_ink(sample.smooth_density, sample.labels).mean())


def judge(measured: Sequence[Measured[float]]) -> list[Finding]:
    """Tell of images with ink."""
    inked = [one for one in measured if one.facts >= LEAST]
    return [_finding(one) for one in sorted(inked, key=lambda one: -one.facts)]


def _finding(one: Measured[float]) -> Finding:
    return Finding(
        "ink",
        "warning" if one.facts >= MUCH else "note",
        (one.item.name,),
        f"{one.facts:.0%} of the image are blue or black as ink, dirt or pigment, not as stained tissue",
        "leave the image out, or cut it to what is clean: under ink no nucleus can be seen",
        (View(one.item.name, "as annotated"),),
    )


CHECK = Check(
    name="ink",
    title="Ink and dirt",
    help="Parts that absorb more red than green, which H&E does not, or that are black, outside of nuclei.",
    position=67,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
)
