"""Thresholds by measurement, on maps whose best thresholds are known."""

import numpy as np
import pytest
from examples import as_example

from nuseg.model.config import Thresholds
from nuseg.training import tune
from nuseg.training.targets import perfect_maps
from nuseg.training.tune import Example, score_thresholds, tune_thresholds


def example(dataset: str, halo: float = 0.0, right: bool = True) -> Example:
    """Two square nuclei; perfect maps, but for a halo of a probability around the nuclei."""
    labels = np.zeros((32, 64), np.int32)
    labels[8:24, 8:24], labels[8:24, 40:56] = 1, 2
    maps = perfect_maps(labels)
    around = np.zeros_like(labels, bool)
    around[4:28, 4:28] = around[4:28, 36:60] = True
    maps[0, around & (labels == 0)] = halo
    return as_example(maps, labels if right else labels * 0 + 1, 0.25, dataset)


def test_every_dataset_weighs_the_same():
    thresholds = Thresholds(smoothing=0)
    perfect = [example("a")] * 3
    wrong = score_thresholds([example("b", right=False)], thresholds)
    assert score_thresholds(perfect, thresholds) == {"aji": 1, "pq": 1}
    together = score_thresholds([*perfect, example("b", right=False)], thresholds)
    assert together["aji"] == pytest.approx((1 + wrong["aji"]) / 2)


def test_the_search_finds_what_cuts_a_halo_off():
    halo = [example("a", halo=0.62)]
    start = Thresholds(smoothing=0)
    assert score_thresholds(halo, start)["aji"] < 0.6
    found = tune_thresholds(halo, start)
    assert found.mask > 0.62
    assert score_thresholds(halo, found)["aji"] == 1


def test_a_change_has_to_gain_enough(monkeypatch):
    halo = [example("a", halo=0.62)]
    start = Thresholds(smoothing=0)
    monkeypatch.setattr(tune, "LEAST_GAIN", 2.0)
    assert tune_thresholds(halo, start) == start


def test_thresholds_stay_where_nothing_is_better():
    start = Thresholds(smoothing=0)
    assert tune_thresholds([example("a")], start) == start


def test_the_search_tells_how_far_it_is():
    told = []
    tune_thresholds([example("a")], Thresholds(smoothing=0), progress=told.append)
    tries = sum(map(len, tune.CANDIDATES.values()))
    assert [state.done for state in told] == list(range(1, tries + 1))  # nothing is better: one round of three
    assert {state.total for state in told} == {3 * tries}
