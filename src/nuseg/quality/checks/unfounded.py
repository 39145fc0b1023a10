"""Annotations without a nucleus under them."""

from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.overlap import shared_with
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural
from nuseg.types import Floats

RIM_UM = 1.0  # width of the surroundings that a nucleus is compared with
FAINT = 0.1  # of the usual contrast of the image's nuclei
OVERLAP = 0.05  # share of the annotation that the model's nuclei may cover
LEAST_UM2 = 5.0
SHARE = 0.03


def contrasts(sample: Sample) -> Floats:
    """How much darker each nucleus 0..n is than its surroundings, which no nucleus covers: optical density, (n + 1,)."""
    size, labels = len(sample.areas), sample.labels
    side = 2 * max(1, round(RIM_UM / sample.mpp)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    widened = cv2.dilate(labels.astype(np.float32), kernel).astype(np.int64)
    rim = (labels == 0) & (widened > 0)
    inner = _means(labels, sample.density, size)
    outer = _means(widened[rim], sample.density[rim], size)
    return inner - outer


def _means(labels: np.ndarray, values: np.ndarray, size: int) -> Floats:
    """Mean of the values on each number; NaN where there is no pixel."""
    counts = np.bincount(labels.ravel(), minlength=size)
    sums = np.bincount(labels.ravel(), values.ravel(), size)
    return np.asarray(np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0))


def measure(sample: Sample) -> Suspects:
    """Find annotations that are no darker than their surroundings, and in which the model finds nothing.

    Without the model they must also be as pale as the palest third of all that is not annotated.
    """
    if not sample.count:
        return Suspects((), 0)
    contrast = contrasts(sample)
    usual = float(np.nanmedian(contrast[1:])) if np.isfinite(contrast[1:]).any() else np.nan
    large = sample.whole & (sample.areas * sample.mpp**2 >= LEAST_UM2)
    if not usual > 0:
        return Suspects((), sample.count)
    if sample.found is not None:
        empty = shared_with(sample.labels, sample.found.labels, len(sample.areas)) < OVERLAP * sample.areas
        doubtful = large & empty & (contrast < FAINT * usual)
    else:
        rest = sample.density[sample.labels == 0]
        pale = float(np.percentile(rest, 33)) if rest.size else 0.0
        doubtful = large & (contrast < FAINT * usual) & (_means(sample.labels, sample.density, len(contrast)) < pale)
    places = tuple(
        Suspect(sample.box(number), (number,), -float(contrast[number])) for number in np.flatnonzero(doubtful).tolist()
    )
    return Suspects(places, sample.count)


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of annotations without a nucleus."""
    return judge_suspects(
        measured,
        "unfounded",
        lambda count, of: f"{plural(count, 'annotation')} of {of:,} without a nucleus under it",
        "remove it, or check that labels belong to this image",
        share=SHARE,
    )


CHECK = Check(
    name="unfounded",
    title="Annotation without nucleus",
    help="Annotations that are no darker than what surrounds them, and in which the model finds nothing.",
    position=85,
    measure=measure,
    judge=judge,
)
