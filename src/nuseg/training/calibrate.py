"""How far the model's nuclei and their number are to be trusted, by validation images."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import logit

from nuseg.evaluation.calibration import find_matched
from nuseg.evaluation.counting import count_error
from nuseg.infer.segment import read_maps
from nuseg.measure.confidence import EDGE
from nuseg.model.config import Calibration, CountError, Thresholds
from nuseg.training.tune import Example

FEWEST = 50  # nuclei; fewer say nothing


def nuclei_of(example: Example, thresholds: Thresholds) -> tuple[np.ndarray, np.ndarray]:
    """Mean mask probability of each nucleus found in a validation image, and whether it matches a true one."""
    found, probability = read_maps(example.maps.astype(np.float32), thresholds, example.mpp, example.labels.shape)
    area = np.bincount(found.ravel())[1:]
    mean = np.bincount(found.ravel(), probability.ravel())[1:] / area
    return mean, find_matched(example.labels, found)


def measure_counts(examples: Sequence[Example], thresholds: Thresholds) -> CountError | None:
    """Say how far the number of nuclei in an image is off; see `count_error`."""
    found = [len(nuclei_of(example, thresholds)[0]) for example in examples]
    return count_error([int(np.count_nonzero(np.unique(example.labels))) for example in examples], found)


def calibrate(examples: Sequence[Example], thresholds: Thresholds) -> Calibration:
    """Fit the logistic function from mean mask probability to the chance of a match.

    Parameters
    ----------
    examples
        Validation images whose nuclei are annotated one by one; each dataset weighs the same.
    thresholds
        Of the model.

    Returns
    -------
    Calibration
        Untouched where there are too few nuclei, or all or none of them match.
    """
    of_dataset = defaultdict(list)
    for example in examples:
        of_dataset[example.dataset].append(nuclei_of(example, thresholds))
    pooled = [[np.concatenate(values) for values in zip(*parts, strict=True)] for parts in of_dataset.values()]
    mean, matched = (np.concatenate(values) for values in zip(*pooled, strict=True))
    weight = np.concatenate([np.full(len(means), 1 / max(len(means), 1)) for means, _ in pooled])
    if len(mean) < FEWEST or matched.all() or not matched.any():
        return Calibration()
    score = logit(np.clip(mean, EDGE, 1 - EDGE))
    sign = np.where(matched, 1.0, -1.0)

    def loss(numbers: np.ndarray) -> float:
        return float(np.average(np.logaddexp(0, -sign * (numbers[0] * score + numbers[1])), weights=weight))

    slope, offset = minimize(loss, np.array([1.0, 0.0])).x
    return Calibration(slope=round(float(slope), 4), offset=round(float(offset), 4))
