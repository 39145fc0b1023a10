"""Images out of focus, or enlarged."""

from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.sample import Sample

RELATIVE = 0.75  # of the median over all images
SOFT = 0.56  # above this an image is sharp, whatever the others are
BLURRED = 0.39  # below this it is not, whatever the others are
SURE = 3.0  # robust standard deviations of the logarithm
FLAT = 0.002  # optical density: with less detail than this there is nothing to be sharp


def sharpness(density: np.ndarray) -> float:
    """Contrast of details of 1 to 2 px over that of details of 2 to 4 px; 0.5 to 0.9 in sharp sections.

    It does not depend on the stain's strength, and hardly on JPEG, whose blocks show in finer details.

    Parameters
    ----------
    density : (h, w) float32
        Optical density.

    Returns
    -------
    float
        NaN for a flat image.
    """
    fine, middle, coarse = (cv2.GaussianBlur(density, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    detail = float((middle - coarse).std())
    return float((fine - middle).std()) / detail if detail > FLAT else np.nan


def measure(sample: Sample) -> float:
    """Measure the sharpness of an image."""
    return sharpness(sample.density)


def judge(measured: Sequence[Measured[float]]) -> list[Finding]:
    """Tell of images much softer than the others, or soft by any measure."""
    values = np.array([one.facts for one in measured])
    known = values[np.isfinite(values)]
    if not known.size:
        return []
    usual = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(np.log(known / usual))))
    limit = min(SOFT, RELATIVE * usual, usual * float(np.exp(-SURE * spread)))
    soft = [one for one in measured if one.facts < max(limit, BLURRED)]
    return [_finding(one, usual) for one in sorted(soft, key=lambda one: one.facts)]


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
