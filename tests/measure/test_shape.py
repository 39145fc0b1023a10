"""Shape measures against scikit-image and against geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.draw import disk
from skimage.measure import label as connected_pieces
from skimage.measure import perimeter_crofton

from nuseg.measure.outline import outlines
from nuseg.measure.shape import perimeters, solidities


def disc(radius: float, side: int = 64) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    labels[disk((side / 2, side / 2), radius)] = 1
    return labels


@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=50)
def test_perimeter_is_scikit_images_crofton_perimeter(values: np.ndarray) -> None:
    labels = connected_pieces(values, connectivity=1)
    count = labels.max()
    expected = [perimeter_crofton(np.pad(labels == n, 1), directions=4) for n in range(1, count + 1)]
    assert perimeters(labels, count) == pytest.approx(expected)


@pytest.mark.parametrize("radius", [6.3, 10.0, 15.7, 25.2])
def test_perimeter_of_a_disc(radius: float) -> None:
    assert perimeters(disc(radius), 1)[0] == pytest.approx(2 * np.pi * radius, rel=0.02)


def test_solidity_of_a_convex_and_of_a_bent_nucleus() -> None:
    square = np.pad(np.ones((4, 4), np.int32), 1)
    assert solidities(outlines(square)).tolist() == [1.0]
    corner = np.zeros((6, 6), np.int32)
    corner[:, 0] = corner[5, :] = 1
    # An L of 11 pixels; the corners of the hull of its outline, by hand.
    hull = np.array([(0.5, 0), (1, 0.5), (6, 5.5), (5.5, 6), (0.5, 6), (0, 5.5), (0, 0.5)])
    x, y = hull.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert solidities(outlines(corner)) == pytest.approx([10.5 / area])


def test_no_nuclei() -> None:
    assert perimeters(np.zeros((3, 3), np.int32), 0).shape == (0,)
    assert solidities([]).shape == (0,)
