"""Errors of counts, by hand and by simulation."""

import numpy as np
import pytest

from nuseg.evaluation.counting import count_error


def test_by_hand():
    found = count_error([100, 50, 80], [110, 40, 80])
    assert found.images == 3
    assert found.bias == pytest.approx((0.1 - 0.2 + 0) / 3, abs=1e-4)
    assert found.mean_absolute == pytest.approx(0.1, abs=1e-4)
    assert (found.low, found.high) == (pytest.approx(100 / 110, abs=1e-4), 1.25)


def test_images_without_a_nucleus_found_have_no_ratio():
    assert count_error([3], [0]) is None
    assert count_error([], []) is None
    assert count_error([3, 0], [0, 4]).images == 1


def test_nine_of_ten_further_images_lie_within():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        found = rng.integers(50, 500, 40)
        true = np.rint(found * rng.lognormal(0.1, 0.3, 40)).astype(int)
        interval = count_error(true[:39], found[:39])
        held.append(interval.low <= true[39] / found[39] <= interval.high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.04)
