"""Neighbourhoods against a plain computation of all distances, and at the borders of what there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.measure import neighbourhood as own
from nuseg.measure.neighbourhood import FAR_UM, NEAREST, RADII_UM, RANKS, neighbourhood


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.integers(0, 10_000), st.sampled_from([100.0, 2000.0]))
def test_it_is_what_all_distances_say(count: int, seed: int, side: float) -> None:
    rng = np.random.default_rng(seed)
    places, values = rng.uniform(0, side, (count, 2)), rng.normal(size=count)
    angles = rng.normal(size=(count, 2))
    found = neighbourhood(places, {"area": values}, angles)
    assert all(len(column) == count for column in found.values())
    for row in range(count):
        away = np.hypot(*(places - places[row]).T)
        order = [other for other in np.argsort(away) if other != row and away[other] < FAR_UM][:NEAREST]
        for rank in RANKS:
            wanted = away[order[rank - 1]] if len(order) >= rank else FAR_UM
            assert found[f"neighbour_{rank}_um"][row] == pytest.approx(wanted, rel=1e-5)
        for radius in RADII_UM:
            assert found[f"within_{radius:g}_um"][row] == (away <= radius).sum() - 1
        wanted = values[order].mean() if order else values[row]
        assert found["around_area"][row] == pytest.approx(wanted, rel=1e-4, abs=1e-5)
        mean = angles[order].mean(axis=0) if order else np.zeros(2)
        assert found["alignment"][row] == pytest.approx(np.hypot(*mean), abs=1e-5)
        assert found["own_alignment"][row] == pytest.approx(mean @ angles[row], abs=1e-4)


def test_nuclei_in_one_place_are_neighbours_of_each_other() -> None:
    found = neighbourhood(np.zeros((20, 2)), {"area": np.arange(20.0)})
    assert (found["neighbour_12_um"] == 0).all()
    assert (found["within_25_um"] == 19).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    places, values = rng.uniform(0, 300, (50, 2)), {"area": rng.normal(size=50)}
    whole = neighbourhood(places, values)
    monkeypatch.setattr(own, "BLOCK", 7)
    parts = neighbourhood(places, values)
    assert all((whole[name] == parts[name]).all() for name in whole)
