"""Polygons on the pixel grid, against known pixels, properties and scikit-image."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import points_in_poly

from nuseg.annotations.polygons import area, contains, draw, rings_of, united


def square(left: float, top: float, side: float) -> shapely.Geometry:
    return shapely.box(left, top, left + side, top + side)


def star(seed: int, corners: int, size: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(0.2, 1, (corners, 1)) * size + size


def test_a_pixel_belongs_to_what_holds_its_centre() -> None:
    labels = draw([square(0.6, 0.4, 2)], (4, 4))  # centres at 1.5, 2.5 across and 0.5, 1.5 down
    assert labels.dtype == np.int32
    assert labels.tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_the_smaller_lies_on_top_whatever_the_order() -> None:
    small, large = square(1, 1, 1), square(0, 0, 3)
    expected = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]])
    assert draw([large, small], (3, 3)).tolist() == expected.tolist()
    assert draw([small, large], (3, 3)).tolist() == (3 - expected).tolist()


def test_what_lies_outside_is_cut_off() -> None:
    labels = draw([square(-2, -2, 3), square(3, 3, 5), square(9, 9, 1), square(-9, 0, 2)], (4, 4))
    assert np.argwhere(labels == 1).tolist() == [[0, 0]]
    assert np.argwhere(labels == 2).tolist() == [[3, 3]]
    assert not set(np.unique(labels)) & {3, 4}


def test_holes_stay_open_and_pieces_count_as_one() -> None:
    ring = area([np.array([[0, 0], [5, 0], [5, 5], [0, 5]]), np.array([[2, 2], [3, 2], [3, 3], [2, 3]])])
    both = shapely.union_all([ring, square(6, 0, 1)])
    labels = draw([both], (5, 7))
    assert labels[2, 2] == 0
    assert labels[0, 6] == labels[0, 0] == 1
    assert labels.sum() == 25


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), corners=st.integers(3, 9))
def test_drawing_agrees_with_scikit_image(seed: int, corners: int) -> None:
    ring = star(seed, corners, 8)
    y, x = np.mgrid[:16, :16] + 0.5
    inside = points_in_poly(np.stack([x.ravel(), y.ravel()], axis=1), ring).reshape(16, 16)
    assert np.array_equal(draw([area([ring])], (16, 16)) > 0, inside)


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(1, 23), min_size=1, max_size=6, unique=True), offset=st.sampled_from([0, 0.25, 0.5]))
def test_areas_that_touch_share_no_pixel_and_leave_none_out(cuts: list[int], offset: float) -> None:
    borders = [-1, *(cut / 2 + offset for cut in sorted(cuts)), 13]
    strips = [shapely.box(left, -1, right, 7) for left, right in pairwise(borders)]
    y, x = np.mgrid[0:6:0.5, 0:12:0.5]
    assert (np.sum([contains(strip, x, y) for strip in strips], axis=0) == 1).all()
    assert (draw(strips, (6, 12)) > 0).all()


def test_a_ring_that_crosses_itself_is_mended() -> None:
    bow = area([np.array([[0, 0], [4, 4], [4, 0], [0, 4]])])
    assert bow.is_valid
    assert bow.area == pytest.approx(8)
    assert len(rings_of(bow)) == 2


def test_what_has_no_area_is_empty() -> None:
    assert area([np.array([[0, 0], [4, 4], [2, 2]])]).is_empty
    assert rings_of(area([np.array([[0, 0], [4, 4], [2, 2]])])) == []
    assert draw([shapely.Polygon()], (2, 2)).sum() == 0


@pytest.mark.parametrize(
    ("ring", "says"),
    [
        ([[0, 0], [1, 1]], "fewer than three"),
        ([0, 1, 2], "fewer than three"),
        ([[0, 0], [1, np.nan], [1, 0]], "finite"),
    ],
)
def test_rings_that_are_none(ring: list[object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        area([np.array(ring, float)])


def test_rings_come_back_without_the_repeated_point() -> None:
    outer, hole = np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]]), np.array([[3.0, 3], [3, 4], [4, 4]])
    ((first, second),) = rings_of(area([outer, hole]))
    assert np.array_equal(first, outer)
    assert np.array_equal(second, hole)


def test_what_no_image_holds_is_refused() -> None:
    ring = np.array([[0, 0], [5, 0], [5, 5.0]])
    with pytest.raises(ValueError, match="beyond any image"):
        area([ring * 1e7])
    with pytest.raises(ValueError, match="a ring of 1,000,001 points"):
        area([np.zeros((1_000_001, 2))])
    with pytest.raises(ValueError, match="300 areas that cover the image 300 times"):
        draw([square(0, 0, 1000)] * 300, (1000, 1000))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), count=st.integers(1, 30))
def test_areas_united_cover_what_any_of_them_covers(seed: int, count: int) -> None:
    places = np.random.default_rng(seed).integers(0, 60, (count, 2))  # some apart, some over one another
    parts = [area([star(seed + index, 7, 8.0) + place]) for index, place in enumerate(places)]
    whole = united(parts)
    assert whole.is_valid
    assert whole.symmetric_difference(shapely.union_all(parts)).area == pytest.approx(0, abs=1e-9)


def test_a_ring_that_repeats_a_side_is_refused() -> None:
    corners = np.array([[0.0, 0], [9, 0], [9, 9]])
    with pytest.raises(ValueError, match="along one side again and again"):
        area([np.tile(corners, (3000, 1))])


SQUARE = np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]])


def test_holes_that_repeat_a_side_are_refused() -> None:
    with pytest.raises(ValueError, match="along one side again and again"):
        area([SQUARE * 5, *[SQUARE + 3] * 400])


def test_holes_that_cross_each_other_again_and_again_are_refused() -> None:
    with pytest.raises(ValueError, match="crosses itself about"):
        area([SQUARE * 5, *(SQUARE + 3 + index / 50 for index in range(90))])


def test_many_holes_that_cross_their_neighbours_are_made_valid() -> None:
    holes = [SQUARE + np.array([8.0 * (index + 1), 20]) for index in range(60)]
    made = area([SQUARE * 100, *holes])
    assert made.is_valid
    assert made.area == pytest.approx(900**2 - (60 * 81 - 59 * 9)), "what two holes share is left out once"
