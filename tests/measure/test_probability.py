"""The logistic function from raw probability to probability."""

import numpy as np
import pytest

from nuseg.measure.probability import Calibration, calibrated_probability

MEANS = np.array([0.0, 0.2, 0.5, 0.8, 1.0])


def test_without_calibration_it_is_the_mean_itself():
    np.testing.assert_array_equal(calibrated_probability(MEANS, Calibration()), MEANS)


def test_by_hand():
    found = calibrated_probability(MEANS, Calibration(slope=2.0, offset=-1.0))
    odds = np.exp(-1) * (MEANS[1:-1] / (1 - MEANS[1:-1])) ** 2
    np.testing.assert_allclose(found[1:-1], odds / (1 + odds))
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[-1] == pytest.approx(1, abs=1e-6)


def test_it_does_not_depend_on_the_place_in_the_array():
    many = np.random.default_rng(0).random(1001)
    how = Calibration(slope=1.7, offset=-0.4)
    whole = calibrated_probability(many, how)
    np.testing.assert_array_equal(whole, [calibrated_probability(many[i : i + 1], how)[0] for i in range(many.size)])
