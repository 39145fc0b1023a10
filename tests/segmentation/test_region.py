"""Regions: rectangles, and annotations as QuPath writes them."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.errors import NusegError
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
