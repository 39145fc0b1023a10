"""Shape measures against scikit-image and against geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from skimage.draw import disk
from skimage.measure import label as connected_pieces
from skimage.measure import perimeter_crofton, regionprops

from nuseg.measure.borders import Borders
from nuseg.measure.outline import Rings, rings_of
from nuseg.measure.shape import perimeters, solidities


def disc(radius: float, side: int = 64) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    labels[disk((side / 2, side / 2), radius)] = 1
    return labels


def solidity(labels: np.ndarray) -> np.ndarray:
    return solidities(rings_of(Borders.of(labels)), np.bincount(labels.ravel())[1:])


@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=50)
def test_perimeter_is_scikit_images_crofton_perimeter(values: np.ndarray) -> None:
    labels = connected_pieces(values, connectivity=1)
    count = labels.max()
    expected = [perimeter_crofton(np.pad(labels == n, 1), directions=4) for n in range(1, count + 1)]
    assert perimeters(Borders.of(labels), count) == pytest.approx(expected)


@pytest.mark.parametrize("radius", [6.3, 10.0, 15.7, 25.2])
def test_perimeter_of_a_disc(radius: float) -> None:
    assert perimeters(Borders.of(disc(radius)), 1)[0] == pytest.approx(2 * np.pi * radius, rel=0.02)


@given(arrays(np.int32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=50)
def test_solidity_is_scikit_images_for_any_shape(values: np.ndarray) -> None:
    labels = connected_pieces(values, connectivity=1)
    expected = [region.solidity for region in regionprops(labels)]
    assert solidity(labels) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("radius", [5.0, 8.3, 12.0, 25.6])
def test_solidity_of_a_disc_is_scikit_images(radius: float) -> None:
    labels = disc(radius)
    assert solidity(labels) == pytest.approx([regionprops(labels)[0].solidity], rel=1e-12)


def test_solidity_of_smooth_shapes_is_scikit_images() -> None:
    rng = np.random.default_rng(8)
    smooth = gaussian_filter(rng.random((120, 160)), 3)
    labels = connected_pieces(smooth > np.median(smooth), connectivity=1)
    expected = [region.solidity for region in regionprops(labels)]
    assert min(expected) < 0.6
    assert solidity(labels) == pytest.approx(expected, rel=1e-12)


def test_solidity_of_a_convex_and_of_a_bent_nucleus() -> None:
    square = np.pad(np.ones((4, 4), np.int32), 1)
    assert solidity(square).tolist() == [1.0]
    corner = np.zeros((6, 6), np.int32)
    corner[:, 0] = corner[5, :] = 1
    # An L of 11 pixels; its hull is cut by the diagonal from the top of its one arm to the end of the other.
    assert solidity(corner).tolist() == [11 / 21]


def test_no_nuclei() -> None:
    assert perimeters(Borders.of(np.zeros((3, 3), np.int32)), 0).shape == (0,)
    assert solidities(Rings.of([]), np.zeros(0, int)).shape == (0,)
