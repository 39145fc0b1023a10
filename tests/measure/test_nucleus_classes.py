"""Columns, colours and probabilities of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from nuseg.measure.class_counts import count_classes
from nuseg.measure.classes import (
    ClassCalibration,
    ClassNames,
    class_colours,
    class_columns,
    class_probabilities,
    classes_in,
    most_probable,
)
from nuseg.measure.counts import CountError

NAMES = st.lists(st.text("abcxyz _-,\"'é", min_size=1, max_size=9).map(str.strip).filter(bool), unique=True, max_size=9)


@given(NAMES)
def test_columns_say_which_classes_there_are(names: list[str]):
    columns = list(class_columns(names))
    assert classes_in(["id", "probability", *columns]) == tuple(names)
    assert len(set(columns)) == len(columns) == len(names) + bool(names)


@given(NAMES, st.randoms())
def test_classes_have_one_colour_whatever_the_order(names: list[str], random):
    both = [*dict.fromkeys([*names, "epithelial", "Inflammatory"])]
    colours = class_colours(both)
    assert list(colours) == both
    random.shuffle(both)
    assert class_colours(both) == colours
    assert all(0 <= value <= 255 for colour in colours.values() for value in colour)


def test_a_few_classes_differ_in_colour():
    for names in (
        ["a", "b", "c", "d", "e"],
        ["other", "inflammatory", "epithelial", "spindle-shaped"],
        ["x", "tumour"],
    ):
        assert len(set(class_colours(names).values())) == len(names)


@given(st.integers(0, 99), st.sampled_from([0.3, 1.0, 2.5]))
def test_a_temperature_keeps_the_most_probable_class(seed: int, temperature: float):
    shares = np.random.default_rng(seed).dirichlet([0.5] * 4, 6)
    probabilities = class_probabilities(shares, ClassCalibration(temperature=temperature))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(most_probable(probabilities), shares.argmax(axis=1))
    surer = probabilities.max(axis=1) >= shares.max(axis=1) - 2e-3
    assert surer.all() if temperature <= 1 else (~surer | (shares.max(axis=1) < 0.3)).any()


def test_probabilities_by_hand():
    shares = np.array([[0.9, 0.1]])
    np.testing.assert_allclose(class_probabilities(shares, ClassCalibration()), shares)
    np.testing.assert_allclose(class_probabilities(shares, ClassCalibration(temperature=2.0)), [[0.75, 0.25]])
    np.testing.assert_allclose(class_probabilities(shares, ClassCalibration(temperature=0.5)), [[81 / 82, 1 / 82]])
    assert class_probabilities(np.zeros((0, 2)), ClassCalibration()).shape == (0, 2)


@pytest.mark.parametrize("names", [("a", "a"), ("",), (" a",), ("a\nb",), ("a" * 101,)])
def test_names_that_no_column_can_have(names: tuple[str, ...]):
    with pytest.raises(ValidationError):
        TypeAdapter(ClassNames).validate_python(names)


def test_counts_of_classes_by_hand():
    error = CountError(images=3, bias=0, mean_absolute=0, low=0.5, high=2.0)
    one, none = count_classes({"a": 30, "b": 0}, 0.5, error)
    assert (one.nuclei, one.nuclei_low, one.nuclei_high, one.nuclei_per_mm2, one.share) == (30, 15, 60, 60.0, 1.0)
    assert (none.nuclei, none.nuclei_per_mm2, none.share) == (0, 0.0, 0.0)
    assert count_classes({"a": 0}, 0.0, None)[0].nuclei_per_mm2 is None
