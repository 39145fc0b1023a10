"""The bootstrap interval: known values, coverage, seeds."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from nuseg.evaluation.statistics import BLOCK, bootstrap_ci


def test_two_values_by_hand() -> None:
    # Both drawn the same: probability 1/4 each, so the 2.5 % quantile is the lower value itself.
    assert bootstrap_ci([0.2, 0.6]) == pytest.approx((0.4, 0.2, 0.6))


def test_equal_values_have_no_spread() -> None:
    assert bootstrap_ci([0.7] * 9) == pytest.approx((0.7, 0.7, 0.7))


def test_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).beta(8, 4, size=40)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    mean, low, high = bootstrap_ci(values)
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def plain_percentile_interval(scores: np.ndarray, seed: int, resamples: int) -> tuple[float, float]:
    """The definition: quantiles of the means of samples drawn with replacement, all at once."""
    drawn = np.random.default_rng(seed).integers(scores.size, size=(resamples, scores.size))
    low, high = np.quantile(scores[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("size", [2, 14, 300])
def test_is_the_definition_with_the_same_random_numbers(size: int) -> None:
    """300 values are more than one block: the blocks go on with the same random numbers."""
    values = np.random.default_rng(size).beta(8, 4, size=size)
    expected = plain_percentile_interval(values, seed=5, resamples=10_000)
    assert bootstrap_ci(values, seed=5)[1:] == pytest.approx(expected, rel=1e-12)


def test_covers_the_true_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    intervals = [bootstrap_ci(random.normal(0.6, 0.1, size=40), resamples=2000)[1:] for _ in range(300)]
    covered = np.mean([low <= 0.6 <= high for low, high in intervals])
    assert 0.90 <= covered <= 0.98


def test_seed_decides() -> None:
    values = [0.1, 0.5, 0.6, 0.9]
    assert bootstrap_ci(values, seed=3) == bootstrap_ci(values, seed=3)
    assert bootstrap_ci(np.linspace(0, 1, 50) ** 2, seed=3) != bootstrap_ci(np.linspace(0, 1, 50) ** 2, seed=4)


def test_one_image_has_a_mean_and_no_interval() -> None:
    mean, low, high = bootstrap_ci([0.5])
    assert mean == 0.5
    assert np.isnan([low, high]).all()


def test_no_image_has_nothing() -> None:
    assert np.isnan(bootstrap_ci([])).all()


def test_images_without_the_score_are_left_out() -> None:
    assert bootstrap_ci([0.2, float("nan"), 0.6, 0.3]) == bootstrap_ci([0.2, 0.6, 0.3])


def test_more_images_than_a_block() -> None:
    values = np.tile([0.0, 1.0], BLOCK // 2 + 1)
    mean, low, high = bootstrap_ci(values, resamples=3)
    assert mean == 0.5
    assert 0.49 < low <= high < 0.51


def test_level_widens() -> None:
    values = np.linspace(0, 1, 30)
    _, low90, high90 = bootstrap_ci(values, level=0.9)
    _, low99, high99 = bootstrap_ci(values, level=0.99)
    assert low99 < low90 < high90 < high99


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
@example([0.38030589477071486] * 3)
def test_interval_lies_within_the_values(values: list[float]) -> None:
    mean, low, high = bootstrap_ci(values, resamples=200)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12
    assert min(values) - 1e-12 <= mean <= max(values) + 1e-12
