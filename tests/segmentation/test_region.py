"""Regions: rectangles, and annotations as QuPath writes them."""

import gzip
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.segmentation.region import Region, read_region

RING = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]


def feature(kind: str, coordinates: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": {}}


@pytest.mark.parametrize("wrapped", ["collection", "list", "feature"])
def test_annotations(tmp_path: Path, wrapped: str) -> None:
    both = feature("MultiPolygon", [[RING, HOLE], [[[20, 0], [30, 0], [20, 9]]]])
    content = {"collection": {"type": "FeatureCollection", "features": [both]}, "list": [both], "feature": both}
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps(content[wrapped]))
    region = read_region(str(path))
    x, y = np.array([1.0, 5, 5, 21, 29, 40]), np.array([1.0, 5, 3, 1, 8, 1])
    assert region.contains(x, y).tolist() == [True, False, True, True, False, False]
    drawn = region.draw((5, 16), 2.0)
    assert drawn[0, 0]
    assert drawn[:, 5:10].sum() == 5  # the border at x = 10 is drawn
    assert not drawn[4, 14]


def test_objects_without_geometry_are_left_out(tmp_path: Path) -> None:
    nothing = {"type": "Feature", "geometry": None, "properties": {}}
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [nothing, feature("Polygon", [RING])]}))
    assert read_region(str(path)).corners() == [[[[0, 0], [10, 0], [10, 10], [0, 10]]]]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [nothing]}))
    with pytest.raises(NusegError, match="expected polygons, found none"):
        read_region(str(path))


def test_a_packed_file_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "region.gz"
    path.write_bytes(gzip.compress(json.dumps(feature("Polygon", [RING, HOLE])).encode()))
    assert read_region(str(path)).area.area == 96


def test_pixels_are_no_region(tmp_path: Path) -> None:
    write_png(tmp_path / "labels.png", np.array([[0, 1, 2]], np.uint8))
    with pytest.raises(NusegError, match=r"labels\.png: expected polygons, found none \(labels\)"):
        read_region(str(tmp_path / "labels.png"))


def test_regions_that_touch_share_no_point() -> None:
    left, right = read_region("0,0,4,4"), read_region("4,0,4,4")
    below = read_region("0,4,8,4")
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0, 8, 0.5), np.arange(0, 8, 0.5)))
    assert (np.sum([region.contains(x, y) for region in (left, right, below)], axis=0) == 1).all()


def test_polygons_that_overlap_count_once_each() -> None:
    ring = np.array(RING[:4], float)
    region = Region(((ring,), (ring + 5,)))
    assert region.area.area == 175
    assert region.contains(np.array([7.0, 14, 14]), np.array([7.0, 14, 1])).tolist() == [True, True, False]


def test_rectangle() -> None:
    region = read_region("10, 20, 5, 6")
    assert region.contains(np.array([12.0, 9, 12]), np.array([21.0, 21, 27])).tolist() == [True, False, False]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), corners=st.integers(3, 9))
def test_against_shapely(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(0.2, 1, (corners, 1))
    points = rng.uniform(-1, 1, (200, 2))
    polygon = shapely.Polygon(ring)
    if polygon.is_valid:
        expected = shapely.contains_xy(polygon, points)
        assert np.array_equal(Region(((ring,),)).contains(*points.T), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected GeoJSON"),
        ('{"type": "FeatureCollection"}', "damaged GeoJSON"),
        ('{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}', "fewer than three"),
        ('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}', "expected polygons"),
        ("3", "damaged GeoJSON"),
    ],
)
def test_no_region(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "region.geojson"
    path.write_text(content)
    with pytest.raises(NusegError, match=message):
        read_region(str(path))


@pytest.mark.parametrize("given", ["1,2,3", "1,2,0,4", "a,b,c,d", "none.geojson", "1,2,nan,4"])
def test_no_rectangle(given: str) -> None:
    with pytest.raises(NusegError, match=r"region="):
        read_region(given)


def test_what_is_left_out_of_a_file_is_a_note_of_the_region(tmp_path: Path) -> None:
    path = tmp_path / "region.geojson"
    others = [{"type": "Feature", "geometry": None}, feature("LineString", [[0, 0], [9, 9]])]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature("Polygon", [RING]), *others]}))
    region = read_region(str(path))
    assert region.notes == (f"{path}: 2 objects without an area: left out",)
    assert region.area.area == 100
    assert read_region("0,0,5,5").notes == ()


@pytest.mark.parametrize("given", ["0,0,1e9,5", "1e300,0,1,1", "x" * 5000, "a\0b"])
def test_no_rectangle_of_any_image_and_no_name_of_a_file(given: str) -> None:
    with pytest.raises(NusegError, match=r"region=") as caught:
        read_region(given)
    assert len(str(caught.value)) < 400


def test_a_region_that_reaches_far_beyond_a_grid_is_cut_off() -> None:
    region = Region(((np.array([[-9e6, -9e6], [9e6, -9e6], [9e6, 9e6], [-9e6, 9e6]]),),))
    assert region.draw((20, 30), 0.5).all()
    beside = Region(((np.array([[50.0, 50], [60, 50], [60, 60]]),),))
    assert not beside.draw((20, 30), 1.0).any()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_drawing_part_by_part_is_as_drawing_on_the_whole_grid(seed: int) -> None:
    rings = list(np.random.default_rng(seed).uniform(-40, 70, (3, 5, 2)))
    expected = np.zeros((25, 30), np.uint8)
    for ring in rings:
        corners = np.floor(ring).astype(np.int32)
        cv2.fillPoly(expected, [corners], 1)
        cv2.polylines(expected, [corners], True, 1)
    assert np.array_equal(Region(tuple((ring,) for ring in rings)).draw((25, 30), 1.0), expected > 0)
