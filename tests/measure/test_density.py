"""Nuclei counted on a grid, and their density."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.measure.density import CountGrid, density_map


def test_counts_lie_where_the_nuclei_are() -> None:
    grid = CountGrid((2, 4), width=400, height=100)
    grid.add(np.array([0.0, 99.9, 100.0, 399.9]), np.array([0.0, 49.9, 0.0, 99.9]))
    grid.add(np.array([350.0]), np.array([75.0]))
    assert grid.counts.tolist() == [[2, 1, 0, 0], [0, 0, 0, 2]]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-5, 505), st.floats(-5, 305)), max_size=30))
def test_no_nucleus_is_lost_at_the_border(places: list[tuple[float, float]]) -> None:
    grid = CountGrid((7, 11), width=500, height=300)
    x, y = np.array(places).reshape(-1, 2).T
    grid.add(x, y)
    assert grid.counts.sum() == len(places)


def test_even_tissue_has_its_own_density() -> None:
    # 3 nuclei in each cell of 20 um x 20 um are 7500 in a mm2.
    density = density_map(np.full((60, 60), 3), mpp=20.0, sigma_um=50.0)
    assert density[30, 30] == pytest.approx(7500, rel=1e-4)
    assert density[0, 0] < 7500 / 2


def test_sum_is_the_number_of_nuclei() -> None:
    counts = np.zeros((80, 80), int)
    counts[40, 30], counts[35, 50] = 2, 5
    assert density_map(counts, mpp=10.0, sigma_um=50.0).sum() * 10.0**2 / 1e6 == pytest.approx(7, rel=1e-4)
