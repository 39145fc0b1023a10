"""Outlines that are drawn, parted and joined, with areas known beforehand."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.annotations.corrections.entries import MAX_POINTS
from nuseg.viewer.corrections.geometry import drawn_area, merged, outline_of, split_by_line

SIZE = (200, 100)


def box(x: float, y: float, width: float = 10, height: float = 10) -> shapely.Polygon:
    return shapely.box(x, y, x + width, y + height)


def ring(geometry: shapely.Geometry) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(geometry)]


def test_a_square_stays_what_it_is() -> None:
    found = drawn_area(ring(box(5, 5)), SIZE)
    assert found.area == 100
    assert len(outline_of(found)) == 4


def test_what_lies_outside_of_the_image_is_cut_off() -> None:
    assert drawn_area(ring(box(195, 95)), SIZE).bounds == (195, 95, 200, 100)
    with pytest.raises(ValueError, match="outside of the image of 200 x 100 px"):
        drawn_area(ring(box(300, 5)), SIZE)


def test_a_slip_at_the_end_of_a_loop_is_passed_over_and_an_eight_is_refused() -> None:
    slip = [(0, 0), (50, 0), (50, 50), (0, 50), (0, 2), (2, -2), (4, 2)]
    assert drawn_area([(x + 10, y + 10) for x, y in slip], SIZE).area == pytest.approx(2500, rel=0.01)
    with pytest.raises(ValueError, match="crosses itself"):
        drawn_area([(10, 10), (30, 30), (30, 10), (10, 30)], SIZE)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(0, 0), (1, 1)], "2 points, expected 3"),
        ([(0, 0)] * 20_001, "20,001 points"),
        ([(0, 0), (9, 0), (float("nan"), 9)], "not finite"),
        ([(0, 0), (1, 0), (1, 1)], "smaller than any nucleus"),
        ([(0, 0), (9, 9), (18, 18)], "without an area"),
    ],
)
def test_what_is_no_outline(points: list[tuple[float, float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drawn_area(points, SIZE)


def test_many_points_are_made_fewer() -> None:
    angle = np.linspace(0, 2 * np.pi, 15_000, endpoint=False)
    found = drawn_area(list(zip(100 + 40 * np.cos(angle), 50 + 40 * np.sin(angle), strict=True)), SIZE)
    assert len(outline_of(found)) <= MAX_POINTS
    assert found.area == pytest.approx(np.pi * 1600, rel=1e-3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 220), st.floats(-20, 120)), min_size=3, max_size=12))
def test_whatever_is_drawn_is_valid_or_refused(points: list[tuple[float, float]]) -> None:
    try:
        found = drawn_area(points, SIZE)
    except ValueError:
        return
    assert found.is_valid
    assert found.area >= 4
    assert shapely.box(0, 0, *SIZE).buffer(0.01).contains(found)
    again = drawn_area(outline_of(found), SIZE)
    assert again.equals(found)  # what is read back is the same


def test_split_in_two_and_three() -> None:
    left, right = split_by_line(box(0, 0, 10, 10), [(6, -5), (6, 15)])
    assert (left.bounds, right.bounds) == ((0, 0, 6, 10), (6, 0, 10, 10))
    zigzag = [(3, -1), (3, 11), (7, 11), (7, -1)]
    assert [part.area for part in split_by_line(box(0, 0, 10, 10), zigzag)] == [40, 30, 30]


def test_a_short_line_is_prolonged_straight_on() -> None:
    parts = split_by_line(box(0, 0), [(5, 4), (5, 6)])
    assert [part.area for part in parts] == [50, 50]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([(20, 0), (20, 10)], "does not part"),
        ([(5, 5), (5, 5)], "without length"),
        ([(5, 5)], "1 point, expected 2"),
        ([(0, -1), (0, 11)], "does not part"),
        ([(0.2, -1), (0.2, 11)], "does not part"),
    ],
)
def test_a_line_that_parts_nothing(line: list[tuple[float, float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        split_by_line(box(0, 0), line)


@settings(deadline=None)
@given(st.floats(1, 9), st.floats(1, 9), st.floats(0, np.pi))
def test_parts_add_up(x: float, y: float, turn: float) -> None:
    """Any straight line through a square of 10: two parts that are the square again, unless one is a sliver."""
    step = 30 * np.array([np.cos(turn), np.sin(turn)])
    line = [tuple(map(float, end)) for end in (np.array([x, y]) - step, np.array([x, y]) + step)]
    try:
        parts = split_by_line(box(0, 0), line)
    except ValueError:
        return
    assert sum(part.area for part in parts) == pytest.approx(100, abs=0.2)
    assert shapely.intersection(*parts).area < 0.1


def test_merge_touching_and_near() -> None:
    assert merged([box(0, 0), box(10, 0)], None).area == 200
    near = merged([box(0, 0), box(11, 0)], None)
    assert 200 < near.area <= 210
    assert near.contains(box(1, 1, 19, 8))
    assert merged([box(0, 0), box(5, 0), box(11, 0)], 0.5).area == pytest.approx(210, abs=8)
    hole = merged([box(0, 0, 30, 10), box(0, 20, 30, 10), box(0, 0, 10, 30), box(20, 0, 10, 30)], None)
    assert hole.area == 900  # the hole in the middle is filled


def test_merge_of_what_lies_apart_is_refused() -> None:
    """3 um are 6 px at 0.5 um/px."""
    assert merged([box(0, 0), box(15.9, 0)], 0.5).geom_type == "Polygon"
    with pytest.raises(ValueError, match="7 px apart, more than 6 px"):
        merged([box(0, 0), box(17, 0)], 0.5)
    with pytest.raises(ValueError, match="90 px apart"):
        merged([box(0, 0), box(10, 0), box(110, 0)], None)
