"""Label images as arrays: numbering, connected components, masks among them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import label

from nuseg.annotations.labels import components, looks_binary, renumber


def squares(values, side=6, gap=3):
    labels = np.zeros((side + 2 * gap, len(values) * (side + gap) + gap), np.int32)
    for k, value in enumerate(values):
        x = gap + k * (side + gap)
        labels[gap : gap + side, x : x + side] = value
    return labels


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (squares([1, 1, 1]), True),
        (squares([255, 255]).astype(np.uint8), True),
        (squares([1, 1]) > 0, True),
        (squares([1, 1]), False),
        (squares([255]).astype(np.uint8), False),
        (squares([1, 2, 3]), False),
        (np.zeros((5, 5), np.int32), False),
    ],
)
def test_looks_binary(values, expected):
    assert looks_binary(values) is expected


@given(hnp.arrays(np.int64, (5, 6), elements=st.sampled_from([0, 1, 2, 5, 300, 70000, 1 << 30])))
@settings(deadline=None, max_examples=50)
def test_renumber_keeps_the_partition_and_the_order(stored):
    labels = renumber(stored)
    present = np.unique(stored[stored > 0])
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels == 0, stored == 0)
    for new, old in enumerate(present, start=1):
        np.testing.assert_array_equal(labels == new, stored == old)


def test_a_diagonal_line_of_background_parts():
    mask = np.ones((6, 6), bool) & ~np.eye(6, dtype=bool)
    assert components(mask).max() == 2


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(deadline=None, max_examples=50)
def test_components_agree_with_scikit_image(mask):
    ours, theirs = components(mask), label(mask, connectivity=1)
    assert ours.max(initial=0) == theirs.max(initial=0)
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(ours))
