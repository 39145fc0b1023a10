"""Reliability: matches in label order, bins and error by hand."""

import numpy as np
import pytest

from nuseg.evaluation.calibration import expected_calibration_error, find_matched, reliability


def test_matches_are_said_in_label_order():
    truth = np.zeros((6, 30), np.int32)
    truth[:4, 0:4], truth[:4, 10:14] = 7, 3
    predicted = np.zeros_like(truth)
    predicted[0, 20] = 3  # the first pixel in reading order is not of the first label
    predicted[1:4, 10:14], predicted[2:4, 0:4] = 1, 2  # IoU 0.75, and 0.5, which is no match
    np.testing.assert_array_equal(find_matched(truth, predicted), [True, False, False])
    predicted[0, 20], predicted[1, 0] = 0, 2
    np.testing.assert_array_equal(find_matched(truth, predicted), [True, True])


def test_nothing_predicted_matches_nothing():
    assert find_matched(np.ones((3, 3), np.int32), np.zeros((3, 3), np.int32)).shape == (0,)


def test_reliability_by_hand():
    stated = np.array([0.05, 0.15, 0.18, 0.95, 1.0])
    true = np.array([False, True, False, True, True])
    table = reliability(stated, true, bins=10)
    assert table["count"].tolist() == [1, 2, 2]
    assert table["low"].tolist() == [0.0, 0.1, 0.9]
    np.testing.assert_allclose(table["stated"], [0.05, 0.165, 0.975])
    np.testing.assert_allclose(table["true"], [0, 0.5, 1])
    assert expected_calibration_error(stated, true) == pytest.approx((0.05 + 2 * 0.335 + 2 * 0.025) / 5)


def test_what_comes_true_as_often_as_stated_has_no_error():
    rng = np.random.default_rng(0)
    stated = rng.random(200_000)
    assert expected_calibration_error(stated, rng.random(stated.size) < stated) < 0.01
    assert expected_calibration_error(stated, rng.random(stated.size) < stated**2) > 0.1


def test_no_nuclei_have_no_error():
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
