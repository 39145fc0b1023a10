"""Calibration on validation images whose probability is known."""

import numpy as np
from examples import as_example

from nuseg.measure.probability import Calibration, calibrated_probability
from nuseg.model.config import Thresholds
from nuseg.training.calibrate import Found, calibrate, find_validation_nuclei, measure_counts

THRESHOLDS = Thresholds(smoothing=0, min_area_um2=0)
SPACING, SIDE = 8, 4


def nuclei(dataset: str, raw: float, real: float, count: int = 400) -> Found:
    """Square nuclei of one raw probability, a share of which is real."""
    per_row = 20
    labels = np.zeros((count // per_row * SPACING, per_row * SPACING), np.int32)
    maps = np.zeros((2, *labels.shape), np.float32)
    for number in range(count):
        y, x = (SPACING * place + 2 for place in divmod(number, per_row))
        square = slice(y, y + SIDE), slice(x, x + SIDE)
        maps[:, *square] = raw
        if number < real * count:
            labels[square] = number + 1
    return find_validation_nuclei(as_example(maps, labels, 0.25, dataset), THRESHOLDS)


def test_the_probability_is_the_share_that_is_real():
    seen = [nuclei("a", 0.6, 0.3), nuclei("a", 0.9, 0.8)]
    found = calibrate(seen)
    np.testing.assert_allclose(calibrated_probability(np.array([0.6, 0.9]), found), [0.3, 0.8], atol=0.01)


def test_every_dataset_weighs_the_same():
    found = calibrate([nuclei("a", 0.7, 0.2, count=800), nuclei("b", 0.7, 0.6, count=100)])
    np.testing.assert_allclose(calibrated_probability(np.array([0.7]), found), 0.4, atol=0.01)


def test_too_little_to_learn_from_changes_nothing():
    assert calibrate([nuclei("a", 0.7, 0.5, count=20)]) == Calibration()
    assert calibrate([nuclei("a", 0.7, 1.0)]) == Calibration()
    assert calibrate([nuclei("a", 0.2, 0.5)]) == Calibration()


def test_counts_are_those_of_the_images():
    shown = [nuclei("a", 0.7, 0.5, count=100), nuclei("a", 0.7, 0.8, count=60), nuclei("b", 0.7, 0.5, count=80)]
    assert shown[0].counts.true.tolist() == [20, 20, 10, 0]  # five rows of twenty, the first two and a half are real
    assert shown[0].counts.found.tolist() == [20, 20, 30, 30]
    found = measure_counts(shown)
    assert (found.images, found.datasets) == (3, 2)
    assert found.bias == found.mean_absolute == 0.75  # 1, 0.25 and 1
    assert found.low < 0.5 < found.high
