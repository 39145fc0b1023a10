"""Outlines: areas, validity and neighbours, by shapely and by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes
from shapely import MultiPoint, Polygon, box
from skimage.measure import find_contours
from skimage.measure import label as connected_pieces

from nuseg.measure.borders import Borders
from nuseg.measure.outline import first_places, follow, link_sides, outlines


def nuclei_of(values: np.ndarray) -> np.ndarray:
    """Turn any integer image into a label image of 4-connected nuclei."""
    return connected_pieces(values, connectivity=1).astype(np.int32)


def without_holes(labels: np.ndarray) -> list[np.ndarray]:
    """Filled mask of each nucleus; a gap that only touches the outside at a corner is no hole."""
    eight = np.ones((3, 3), bool)
    return [binary_fill_holes(labels == n, structure=eight) for n in range(1, labels.max() + 1)]


label_images = arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)).map(
    nuclei_of
)


def test_single_pixel_is_a_diamond() -> None:
    labels = np.zeros((3, 4), np.int32)
    labels[1, 2] = 1
    (ring,) = outlines(labels)
    assert ring.tolist() == [[2.5, 1.0], [3.0, 1.5], [2.5, 2.0], [2.0, 1.5]]


def test_rectangle_at_the_border_of_the_image() -> None:
    (ring,) = outlines(np.ones((2, 3), np.int32))
    assert ring.tolist() == [
        [0.5, 0.0], [2.5, 0.0], [3.0, 0.5], [3.0, 1.5], [2.5, 2.0], [0.5, 2.0], [0.0, 1.5], [0.0, 0.5],
    ]  # fmt: skip


def test_diagonal_neighbours_stay_apart() -> None:
    labels = np.array([[1, 2], [3, 4]], np.int32)
    rings = [Polygon(ring) for ring in outlines(labels)]
    assert [ring.area for ring in rings] == [0.5] * 4
    assert not rings[0].intersects(rings[3])
    assert not rings[1].intersects(rings[2])


def test_of_a_nucleus_in_pieces_the_first_is_outlined() -> None:
    labels = np.array([[0, 1, 0], [1, 0, 0]], np.int32)
    (ring,) = outlines(labels)
    assert ring.mean(axis=0).tolist() == [1.5, 0.5]


def test_no_nuclei() -> None:
    assert outlines(np.zeros((5, 5), np.int32)) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_any_integer_type(dtype: type) -> None:
    assert len(outlines(np.eye(3, dtype=dtype) * np.arange(1, 4, dtype=dtype))) == 3


@given(label_images)
@settings(deadline=None, max_examples=50)
def test_rings_are_valid_and_hold_their_nucleus(labels: np.ndarray) -> None:
    rings = outlines(labels)
    assert len(rings) == labels.max()
    for ring, filled in zip(rings, without_holes(labels), strict=True):
        polygon = Polygon(ring)
        assert polygon.is_valid
        assert polygon.exterior.is_ccw  # positive in x, y: clockwise on the screen
        assert polygon.area == filled.sum() - 0.5
        y, x = np.nonzero(filled)
        assert polygon.covers(MultiPoint(np.stack([x + 0.5, y + 0.5], axis=1)))
        assert box(0, 0, labels.shape[1], labels.shape[0]).covers(polygon)


@given(label_images)
@settings(deadline=None, max_examples=50)
def test_points_are_those_of_marching_squares(labels: np.ndarray) -> None:
    for ring, filled in zip(outlines(labels), without_holes(labels), strict=True):
        padded = np.pad(filled, 1).astype(float)
        (contour,) = find_contours(padded, 0.5, fully_connected="low")
        x, y = contour[:, 1] - 0.5, contour[:, 0] - 0.5
        assert Polygon(ring).equals(Polygon(np.stack([x, y], axis=1)))
        sides = np.roll(ring, -1, axis=0) - ring
        after = np.roll(sides, -1, axis=0)
        turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
        assert np.all(turns != 0), "a point on a straight line is left"


@given(label_images)
@settings(deadline=None, max_examples=50)
def test_neighbours_share_no_area(labels: np.ndarray) -> None:
    filled = without_holes(labels)
    rings = [Polygon(ring) for ring in outlines(labels)]
    for i, one in enumerate(rings):
        for j, other in enumerate(rings[:i]):
            if not (filled[i] & filled[j]).any():  # a nucleus in the hole of another lies in its outline
                assert one.intersection(other).area == 0


@given(label_images)
@settings(deadline=None, max_examples=50)
def test_rings_are_followed_as_by_walking_side_by_side(labels: np.ndarray) -> None:
    links = link_sides(Borders.of(labels))
    assert sorted(links.following) == list(range(len(links.sides)))
    first = first_places(links.owner, np.arange(len(links.sides)))
    order, lengths = follow(links.following, first)
    walked: list[int] = []
    sides_walked = []
    for start in first:
        place, before = start, len(walked)
        while place != start or len(walked) == before:
            walked.append(place)
            place = links.following[place]
        sides_walked.append(len(walked) - before)
    assert order.tolist() == walked
    assert lengths.tolist() == sides_walked


def test_real_nuclei(real_data: Path) -> None:
    path = sorted((real_data / "tnbc" / "labels").glob("*.png"))[0]
    labels = nuclei_of(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    rings = [Polygon(ring) for ring in outlines(labels)]
    assert len(rings) == labels.max() > 10
    assert all(ring.is_valid for ring in rings)
    assert [ring.area for ring in rings] == [filled.sum() - 0.5 for filled in without_holes(labels)]
