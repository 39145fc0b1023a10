"""Annotations without a nucleus under them."""

from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.overlap import shared_with
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural
from nuseg.types import Floats

RIM_UM = 0.5  # width of a nucleus' rim, and of the surroundings that it is compared with
TISSUE = 0.1  # optical density from which on a pixel is no glass
FAINT = 0.1  # of the usual contrast of the image's nuclei
OVERLAP = 0.05  # share of the annotation that the model's nuclei may cover
LEAST_UM2 = 5.0
SHARE = 0.03


def contrasts(sample: Sample) -> Floats:
    """Measure how much darker nuclei are than the tissue around them that no nucleus covers.

    Of a nucleus the darker of two counts: all of it, or its rim, because the membrane is all that is dark in some.
    What is darker around it than nuclei are, such as ink, is no measure: then the unannotated tissue is taken.

    Returns
    -------
    (n + 1,) float64
        Optical density, for the numbers 0..n; NaN where there is no such number, or nothing free around it.
    """
    size, labels, density = len(sample.areas), sample.labels, sample.density
    side = 2 * max(1, round(RIM_UM / sample.mpp)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    floats = labels.astype(np.float32)
    widened, narrowed = (change(floats, kernel).astype(np.int64) for change in (cv2.dilate, cv2.erode))
    rim, around = (labels > 0) & (narrowed != labels), (labels == 0) & (widened > 0)
    inner = np.fmax(_means(labels, density, size), _means(labels[rim], density[rim], size))
    outer = _means(widened[around], density[around], size)
    free = density[(labels == 0) & (density > TISSUE)]
    if free.size and np.isfinite(inner[1:]).any():
        outer[outer > np.nanmedian(inner[1:])] = np.median(free)
    return np.asarray(inner - outer)


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
        lambda count, of: f"{plural(count, 'annotation')} of {of:,} without a nucleus to be seen under it",
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
    kinds=EVERY_KIND,
)
