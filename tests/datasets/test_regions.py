"""Regions of interest: which areas are regions, what images they give, and which nuclei belong to them."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from nuseg.annotations.annotation import Annotation
from nuseg.datasets import regions
from nuseg.datasets.regions import Window, cut, members, outermost, part_regions, windows

MPP = 0.5
REGION = shapely.box(100, 100, 300, 250)  # 7,500 um2
NUCLEUS = shapely.box(120, 120, 140, 140)  # 100 um2


def test_large_areas_are_regions_unless_a_program_found_them() -> None:
    blob = shapely.box(400, 400, 600, 600)
    given = Annotation(
        polygons=(REGION, NUCLEUS, blob), ids=("r", "n", "b"), detections=(False, True, True), classes=None
    )
    found, nuclei = part_regions(given, MPP)
    assert found == [REGION]
    assert nuclei.polygons == (NUCLEUS, blob)
    assert nuclei.ids == ("n", "b")
    without, _ = part_regions(Annotation(polygons=(REGION, NUCLEUS, blob)), MPP)
    assert without == [REGION, blob]
    assert part_regions(Annotation(polygons=(REGION,)), 0.05)[0] == []  # 75 um2


def test_classes_of_regions_go_before_sizes() -> None:
    given = Annotation(polygons=(REGION, NUCLEUS), classes=("tumour", "roi"), vocabulary=("roi", "tumour", "unused"))
    found, nuclei = part_regions(given, MPP, {"roi"})
    assert found == [NUCLEUS]
    assert nuclei.polygons == (REGION,)
    assert (nuclei.classes, nuclei.vocabulary) == (("tumour",), ("tumour", "unused"))


def test_label_images_have_no_regions() -> None:
    given = Annotation(np.ones((3, 3), np.int32))
    assert part_regions(given, MPP) == ([], given)


def test_regions_within_others_are_left_out() -> None:
    inner, again = shapely.box(110, 110, 200, 200), shapely.box(100, 100, 300, 250)
    beside = shapely.box(300, 100, 400, 250)
    assert outermost([inner, REGION, again, beside]) == [REGION, beside]


def test_the_pixels_whose_centres_lie_in_a_rectangle_are_its_image() -> None:
    (window,) = windows(shapely.box(10.4, 20.6, 60.4, 90.5), (200, 300))
    assert (window.x, window.y, window.width, window.height) == (10, 21, 50, 69)
    _, outside = cut(Annotation(polygons=()), window)
    assert outside.shape == (69, 50)
    assert not outside.any()


def test_regions_end_at_the_slide_and_must_not_be_small() -> None:
    (window,) = windows(shapely.box(-50, 150, 60, 400), (200, 300))
    assert (window.x, window.y, window.width, window.height) == (0, 150, 60, 50)
    assert windows(shapely.box(400, 400, 500, 500), (200, 300)) == []
    assert windows(shapely.box(10, 10, 20, 100), (200, 300)) == []


@given(
    place=st.tuples(st.floats(0, 300), st.floats(0, 300)),
    size=st.tuples(st.floats(40, 900), st.floats(40, 900)),
)
def test_large_regions_are_parted_without_gap_or_overlap(place: tuple[float, float], size: tuple[float, float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "MAX_SIDE", 200)
        found = windows(shapely.box(*place, place[0] + size[0], place[1] + size[1]), (1000, 1000))
    counts = np.zeros((1000, 1000), int)
    for window in found:
        assert max(window.shape) <= 200
        counts[window.y : window.y + window.height, window.x : window.x + window.width] += 1
    y, x = np.mgrid[:1000, :1000] + 0.5
    inside = (x >= place[0]) & (x < place[0] + size[0]) & (y >= place[1]) & (y < place[1] + size[1])
    differing = counts != inside
    assert counts.max() <= 1
    assert not differing.any() or min(size) < 64  # parts below 32 px a side are left out


def test_a_nucleus_belongs_where_most_of_it_lies() -> None:
    nuclei = (
        shapely.box(10, 10, 20, 20),  # inside
        shapely.box(95, 10, 103, 20),  # more than half
        shapely.box(97, 30, 107, 40),  # less than half
        shapely.box(95, 50, 105, 60),  # just half
        shapely.box(100, 70, 110, 80),  # touches
        shapely.box(300, 10, 310, 20),  # far
    )
    inside, partly = members(Annotation(polygons=nuclei), shapely.box(0, 0, 100, 100))
    assert inside.tolist() == [True, True, False, False, False, False]
    assert partly.tolist() == [False, False, True, True, False, False]


boxes = st.tuples(st.integers(0, 190), st.integers(0, 190), st.integers(1, 9), st.integers(1, 9))


@given(st.lists(boxes, max_size=20))
def test_of_regions_side_by_side_no_two_hold_a_nucleus(sides: list[tuple[int, int, int, int]]) -> None:
    nuclei = Annotation(polygons=tuple(shapely.box(x, y, x + w, y + h) for x, y, w, h in sides))
    quarters = [shapely.box(x, y, x + 100, y + 100) for x in (0, 100) for y in (0, 100)]
    counts = sum((members(nuclei, quarter)[0].astype(int) for quarter in quarters), np.zeros(len(sides), int))
    assert (counts <= 1).all()
    for (x, y, w, h), count in zip(sides, counts, strict=True):
        whole = any(quarter.contains(shapely.box(x, y, x + w, y + h)) for quarter in quarters)
        assert count == 1 or not whole


def test_what_is_cut_out() -> None:
    """A triangle: nuclei move with it, what lies outside or belongs to nuclei outside is not known."""
    window = Window(100, 50, 40, 40, shapely.Polygon([(100, 50), (140, 50), (100, 90)]))
    nuclei = Annotation(
        polygons=(shapely.box(105, 55, 110, 60), shapely.box(96, 60, 103, 64), shapely.box(130, 80, 138, 88)),
        classes=("a", "b", "c"),
        ids=("1", "2", "3"),
        vague=(shapely.box(110, 52, 114, 54), shapely.box(0, 0, 9, 9)),
    )
    found, outside = cut(nuclei, window)
    assert found.polygons == (shapely.box(5, 5, 10, 10),)
    assert (found.classes, found.ids) == (("a",), ("1",))
    assert [area.bounds for area in found.vague] == [(10, 2, 14, 4), (-4, 10, 3, 14)]
    y, x = np.mgrid[:40, :40] + 0.5
    sure = np.abs(x + y - 40) > 0.1
    np.testing.assert_array_equal(outside[sure], (x + y > 40)[sure])


def test_points_are_cut_out() -> None:
    window = Window(100, 50, 40, 40, shapely.box(100, 50, 140, 90))
    nuclei = Annotation(points=np.array([[101.5, 52.0], [99.0, 60.0], [140.0, 60.0], [100.0, 50.0]]), ids=tuple("abcd"))
    found, _ = cut(nuclei, window)
    assert found.points is not None
    assert found.points.tolist() == [[1.5, 2.0], [0.0, 0.0]]
    assert found.ids == ("a", "d")


def test_label_images_are_cut_out_as_their_areas() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[10:20, 10:20], labels[25:35, 30:40] = 4, 9
    found, _ = cut(Annotation(labels, classes=("a", "b")), Window(28, 20, 32, 32, shapely.box(28, 20, 60, 52)))
    assert found.classes == ("b",)
    expected = (labels[20:52, 28:60] == 9).astype(np.int32)
    np.testing.assert_array_equal(found.numbered((32, 32)).labels, expected)
