"""Runs and changes of label images, against what numpy finds pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as connected_pieces

from nuseg.measure.borders import Borders

label_images = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(0, 3))


def numbered(values: np.ndarray) -> np.ndarray:
    """Number the labels of an image 1..N."""
    return np.unique(np.append(values.ravel(), 0), return_inverse=True)[1][:-1].reshape(values.shape)


@given(label_images)
@settings(deadline=None, max_examples=60)
def test_runs_hold_every_pixel_of_a_nucleus_once(values: np.ndarray) -> None:
    runs = Borders.of(values).runs
    drawn = np.zeros_like(values)
    for y, x, length, owner in zip(runs.y, runs.x, runs.length, runs.owner, strict=True):
        piece = drawn[y, x : x + length]
        assert len(piece) == length > 0
        assert not piece.any()
        piece[:] = owner
        assert x == 0 or values[y, x - 1] != owner
        assert x + length == values.shape[1] or values[y, x + length] != owner
    np.testing.assert_array_equal(drawn, values)
    np.testing.assert_array_equal(runs.pixels, np.flatnonzero(values))


@given(label_images, st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_sums_over_nuclei_are_those_of_their_pixels(values: np.ndarray, seed: int) -> None:
    labels = numbered(values)
    count = int(labels.max())
    weights = np.random.default_rng(seed).integers(0, 256, labels.shape, np.uint8)
    runs = Borders.of(labels).runs
    expected = np.bincount(labels.ravel(), weights.ravel(), count + 1)[1:]
    np.testing.assert_array_equal(runs.sums(weights.ravel()[runs.pixels], count), expected)
    np.testing.assert_array_equal(runs.totals(runs.length, count), np.bincount(labels.ravel(), minlength=count + 1)[1:])
    first = runs.first(count)
    places = [np.argwhere(labels == number)[0].tolist() for number in range(1, count + 1)]
    assert [[y, x] for y, x in zip(runs.y[first], runs.x[first], strict=True)] == places


@pytest.mark.parametrize(
    ("label", "kind"), [(3, np.uint16), (65_535, np.uint16), (65_536, np.int32), (10**6, np.int32)]
)
def test_labels_of_any_size_stay_apart(label: int, kind: type) -> None:
    borders = Borders.of(np.array([[label, label - 1, 0]], np.int32))
    assert borders.flat.dtype == kind
    assert borders.runs.owner.tolist() == [label, label - 1]
    assert borders.changes(borders.width).tolist() == [1, 2, 6, 7]


def test_an_image_without_nuclei_has_no_runs() -> None:
    runs = Borders.of(np.zeros((3, 4), np.int32)).runs
    assert len(runs.place) == len(runs.pixels) == len(runs.first(0)) == len(runs.sums(np.zeros(0), 0)) == 0


def test_neighbours_at_the_end_of_a_row_are_not_one_run() -> None:
    labels = connected_pieces(np.array([[0, 1], [1, 0]]), connectivity=2)
    assert Borders.of(labels).runs.length.tolist() == [1, 1]
