"""How far the model's nuclei and their number are to be trusted, by validation images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logit

from nuseg.evaluation.calibration import find_matched
from nuseg.evaluation.counting import ImageCounts, centroids, count_error, count_quarters
from nuseg.evaluation.ignoring import leave_out
from nuseg.measure.counts import CountError
from nuseg.measure.probability import EDGE, Calibration
from nuseg.model.config import Thresholds
from nuseg.training.tune import Example
from nuseg.types import LabelImage, Mask

FEWEST = 50  # nuclei; fewer say nothing


@dataclass(frozen=True)
class Found:
    """The nuclei found in a validation image: raw probability of each, whether it matches a true one, and counts."""

    dataset: str
    raw_probability: np.ndarray
    matched: np.ndarray
    counts: ImageCounts


def find_validation_nuclei(example: Example, thresholds: Thresholds) -> Found:
    """Find the nuclei of a validation image as users get them."""
    found, raw_probability = example.find(thresholds)
    true, counted = leave_out(example.labels, found, example.ignore)
    matched = matched_of(true, counted, len(raw_probability))
    # A nucleus that vanishes by the ignored area is neither right nor wrong; one too small for a pixel is wrong.
    told = np.ones(len(raw_probability), bool)
    told[np.setdiff1d(found, counted) - 1] = False
    counts = (count_quarters(*centroids(labels), labels.shape) for labels in (true, counted))
    return Found(example.dataset, raw_probability[told], matched[told], ImageCounts(example.dataset, *counts))


def matched_of(true_labels: LabelImage, found: LabelImage, count: int) -> Mask:
    """Say of nuclei 1..count whether they match a true one; one that is too small for the image's pixels does not."""
    matched = np.zeros(count, bool)
    present = np.unique(found[found > 0])
    matched[present - 1] = find_matched(true_labels, found)
    return matched


def measure_counts(images: Sequence[Found]) -> CountError | None:
    """Say how far the number of nuclei in an image is off; see `count_error`."""
    return count_error([image.counts for image in images])


def calibrate(images: Sequence[Found]) -> Calibration:
    """Fit the logistic function from raw probability to the chance of a match.

    Parameters
    ----------
    images
        Whose nuclei are annotated one by one; each dataset weighs the same.

    Returns
    -------
    Calibration
        Untouched where there are too few nuclei, or all or none of them match.
    """
    nuclei = Counter[str]()
    for image in images:
        nuclei[image.dataset] += len(image.raw_probability)
    raw_probability = np.concatenate([image.raw_probability for image in images])
    matched = np.concatenate([image.matched for image in images])
    weight = np.concatenate(
        [np.full(len(image.raw_probability), 1 / max(nuclei[image.dataset], 1)) for image in images]
    )
    if len(raw_probability) < FEWEST or matched.all() or not matched.any():
        return Calibration()
    score = logit(np.clip(raw_probability, EDGE, 1 - EDGE))
    sign = np.where(matched, 1.0, -1.0)

    def loss(numbers: np.ndarray) -> float:
        return float(np.average(np.logaddexp(0, -sign * (numbers[0] * score + numbers[1])), weights=weight))

    slope, offset = minimize(loss, np.array([1.0, 0.0])).x
    return Calibration(slope=round(float(slope), 4), offset=round(float(offset), 4))
