"""Counts and density by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nuseg.measure.counts import CountError, count_interval, image_area_mm2, mask_fraction, nuclei_per_mm2


def test_density_of_a_square_millimetre() -> None:
    assert image_area_mm2((2000, 4000, 3), 0.25) == pytest.approx(0.5)
    assert nuclei_per_mm2(30, (2000, 4000), 0.25) == pytest.approx(60)
    assert nuclei_per_mm2(30, (2000, 4000), 0.5) == pytest.approx(15)


def test_mask_fraction() -> None:
    assert mask_fraction(np.array([[0, 1], [0, 2], [0, 2], [0, 0]])) == pytest.approx(3 / 8)


def error(**changes: float) -> CountError:
    return CountError(**({"images": 9, "bias": 0, "mean_absolute": 0.1, "low": 0.9, "high": 1.2} | changes))


def test_interval_without_a_local_part_is_a_multiple() -> None:
    assert count_interval(200, None) is None
    assert count_interval(200, error()) == (180, 240)
    assert count_interval(0, error()) == (0, 0)


@pytest.mark.parametrize("count", [1, 10, 100, 1000, 10**6])
def test_few_nuclei_are_less_sure(count: int) -> None:
    low, high = count_interval(count, error(local=1.2))
    shared, local = np.log(1.2 / 0.9) / 2, 1.2 / np.sqrt(count + 0.5)
    middle = np.log(0.9 * 1.2) / 2
    ends = (count + 0.5) * np.exp(middle + np.array([-1, 1]) * np.hypot(shared, local)) - 0.5
    assert (low, high) == (max(int(ends[0]), 0), int(np.ceil(ends[1])))


def test_of_many_nuclei_the_shared_part_is_left() -> None:
    low, high = count_interval(10**7, error(local=1.2))
    assert (low / 10**7, high / 10**7) == (pytest.approx(0.9, rel=1e-5), pytest.approx(1.2, rel=1e-5))


def test_where_none_is_found_some_may_be() -> None:
    low, high = count_interval(0, error(local=1.2))
    assert low == 0
    assert 1 <= high <= 5


@given(
    st.integers(0, 10**8),
    st.floats(0, 1000, allow_nan=False),
    st.floats(0, 1000, allow_nan=False),
    st.floats(0, 10, allow_nan=False),
)
def test_any_error_gives_numbers(count: int, low: float, high: float, local: float) -> None:
    found = count_interval(count, error(low=min(low, high), high=max(low, high), local=local))
    assert 0 <= found[0] <= found[1] < 2**63


@pytest.mark.parametrize("wrong", [{"low": -1}, {"high": np.inf}, {"high": 1e9}, {"local": np.nan}, {"local": 1e9}])
def test_implausible_numbers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        error(**wrong)
