"""Checks that compare annotations with the nuclei that a model found; here the model is right by definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import MPP, cut_through, large_and_whole

from nuseg.datasets.dataset import Item
from nuseg.datasets.synthetic import synthetic_field
from nuseg.quality.check import Measured
from nuseg.quality.checks import cut, merged, unannotated, unfounded
from nuseg.quality.sample import Found, Sample
from nuseg.quality.touching import contacts

ITEM = Item("a", Path("a.png"), Path("a.png"), MPP, "train", "a", 0)


@pytest.fixture(scope="module")
def field() -> tuple[np.ndarray, np.ndarray]:
    return synthetic_field(512, 512, 11, MPP)


def seen(pixels: np.ndarray, labels: np.ndarray, truth: np.ndarray, probability: float = 0.95) -> Sample:
    """An image with labels, in which the model found the truth."""
    certain = np.full(int(truth.max()) + 1, probability)
    return Sample("a", pixels, labels, MPP, Found(truth, certain))


def test_right_annotation_has_no_finding(field: tuple[np.ndarray, np.ndarray]) -> None:
    sample = seen(*field, field[1])
    for check in (cut, merged, unannotated, unfounded):
        assert check.judge([Measured(ITEM, check.measure(sample))]) == []


def test_unannotated_area(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = field
    labels = truth.copy()
    gone = set(np.unique(truth[100:350, 100:350])) - {0}
    labels[np.isin(truth, list(gone))] = 0
    (found,) = unannotated.judge([Measured(ITEM, unannotated.measure(seen(pixels, labels, truth)))])
    assert found.level == "warning"
    assert found.text.startswith(f"{len(gone)} nuclei not annotated")
    assert all(100 <= view.found[0][:, 0].mean() < 350 for view in found.views)


def test_small_unannotated_area_among_many_nuclei_is_a_warning() -> None:
    pixels, truth = synthetic_field(1200, 1200, 2, MPP, 6000)
    labels = truth.copy()
    gone = set(np.unique(truth[500:620, 500:620])) - {0}
    labels[np.isin(truth, list(gone))] = 0
    assert len(gone) < 0.04 * truth.max()
    (found,) = unannotated.judge([Measured(ITEM, unannotated.measure(seen(pixels, labels, truth)))])
    assert found.level == "warning"


def test_nuclei_that_the_model_doubts_are_not_told(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = field
    assert unannotated.measure(seen(pixels, np.zeros_like(truth), truth, 0.5)).places == ()


def test_annotation_without_nucleus(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = synthetic_field(512, 512, 11, MPP, nuclei_per_mm2=2500)
    labels = truth.copy()
    planted = []
    for row, column in np.random.default_rng(0).integers(30, 470, (400, 2)):
        around = labels[row - 4 : row + 24, column - 4 : column + 24]
        if not around.any() and len(planted) < 4:
            planted.append(int(labels.max()) + 1)
            labels[row : row + 20, column : column + 20] = planted[-1]
    facts = unfounded.measure(seen(pixels, labels, truth))
    told = {number for place in facts.places for number in place.nuclei}
    assert told <= set(planted)
    assert len(told) >= 3


def test_faint_annotation_that_the_model_sees_is_right(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = field
    pale = pixels.copy()
    number = large_and_whole(Sample("a", pixels, truth, MPP))[0]
    pale[truth == number] = np.median(pixels[truth == 0], axis=0)
    assert unfounded.measure(seen(pale, truth, np.where(truth == number, 0, truth))).places
    assert not unfounded.measure(seen(pale, truth, truth)).places


def test_cut_where_the_model_sees_two_is_right(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = field
    number = large_and_whole(Sample("a", pixels, truth, MPP), 40)[0]
    halves = cut_through(truth, number, 0.5)
    (place,) = cut.measure(seen(pixels, halves, truth)).places
    assert place.nuclei == (number, halves.max())
    assert len(place.found) == 1
    assert cut.measure(seen(pixels, halves, halves)).places == ()


def test_merged_where_the_model_sees_one_is_right(field: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, truth = field
    labels = truth.copy()
    for contact in contacts(truth):
        labels[labels == contact.second] = contact.first
    facts = merged.measure(seen(pixels, labels, truth))
    assert len(facts.places) >= 3
    assert all(len(place.found) >= 2 for place in facts.places if place.found)
    assert merged.measure(seen(pixels, labels, labels)).places == ()


def test_few_in_one_image_and_many_in_another(field: tuple[np.ndarray, np.ndarray]) -> None:
    """Single suspects are told in one note for all images; an image with many has a warning."""
    pixels, truth = field
    labels = truth.copy()
    labels[np.isin(truth, np.arange(1, 30))] = 0
    many = unannotated.measure(seen(pixels, labels, truth))
    few = unannotated.measure(seen(pixels, np.where(truth == large_and_whole(seen(*field, truth))[0], 0, truth), truth))
    items = [replace(ITEM, name=name) for name in ("few", "many", "also few")]
    found = unannotated.judge([Measured(item, facts) for item, facts in zip(items, (few, many, few), strict=True)])
    assert [(one.level, one.images) for one in found] == [("warning", ("many",)), ("note", ("few", "also few"))]
