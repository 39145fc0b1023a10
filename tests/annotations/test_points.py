"""Nuclei annotated by one point each: CSV and GeoJSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats, recognise
from nuseg.errors import NusegError

POINTS, GEOJSON = annotation_formats["points"], annotation_formats["geojson"]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def places(annotation: Annotation) -> list[list[float]]:
    assert annotation.points is not None
    return annotation.points.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "x,y,class\n10.5,20.5,tumour\n3.0,4.25,\n",
        "y,x,class\n20.5,10.5,tumour\n4.25,3.0,\n",
        'id,"X","Y",Label\n7,10.5,20.5,tumour\n8,3.0,4.25,\n',
        "Class;Y;X\ntumour;20.5;10.5\n;4.25;3.0\n",
        "x\ty\ttype\r\n10.5\t20.5\ttumour\r\n3.0\t4.25\t\r\n\r\n",
        "\ufeffx,y,category\n10.5,20.5,tumour\n3.0,4.25\n",
    ],
)
def test_columns_in_any_order_with_any_separator(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", text)
    assert recognise(path)[0] is POINTS  # type: ignore[index]
    found = POINTS.load(path, "a")
    assert places(found) == [[10.5, 20.5], [3.0, 4.25]]
    assert found.classes == ("tumour", None)
    assert found.notes == ()


def test_whole_numbers_count_pixels_and_so_lie_in_their_middles(tmp_path: Path) -> None:
    found = POINTS.load(write(tmp_path / "a.csv", "y,x,class\n178,376,1\n0,0,2\n"), "a")
    assert places(found) == [[376.5, 178.5], [0.5, 0.5]]
    assert found.classes == ("1", "2")
    assert "middle of their pixels" in found.notes[0]


def test_a_table_without_rows_has_no_nuclei(tmp_path: Path) -> None:
    found = POINTS.load(write(tmp_path / "a.csv", "x,y,class\n"), "a")
    assert places(found) == []
    assert (found.count, found.classes, found.notes) == (0, None, ())


@pytest.mark.parametrize("text", ["name,group\na,b\n", "x,x,y\n1,2,3\n", "a,y\n", "", "\x00\x01"])
def test_other_tables_are_none(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", text)
    assert recognise(path) is None
    assert POINTS.find(tmp_path) == []
    with pytest.raises(NusegError, match=r"list\.csv: expected points in CSV"):
        POINTS.load(path, "list")


@pytest.mark.parametrize("row", ["1,", "x,2", "nan,2", "inf,2", "1e9,2", ","])
def test_what_is_no_place(row: str, tmp_path: Path) -> None:
    if row == ",":
        assert POINTS.load(write(tmp_path / "a.csv", f"x,y\n1.5,2\n{row}\n"), "a").count == 1
        return
    with pytest.raises(NusegError, match=r"a\.csv: line 3: expected [xy] in px"):
        POINTS.load(write(tmp_path / "a.csv", f"x,y\n1.5,2\n{row}\n"), "a")


def feature(geometry: dict[str, Any], name: str | None = None, own: str | None = None) -> dict[str, Any]:
    properties = {} if name is None else {"classification": {"name": name, "color": [1, 2, 3]}}
    identity = {} if own is None else {"id": own}
    return {"type": "Feature", **identity, "geometry": geometry, "properties": properties}


def test_geojson_of_points_alone(tmp_path: Path) -> None:
    """As QuPath's counting tool exports them: one object with all points of a class."""
    content = [
        feature({"type": "MultiPoint", "coordinates": [[1, 2], [3.5, 4]]}, "Immune", "a"),
        feature({"type": "Point", "coordinates": [5, 6]}, own="b"),
        feature({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}),
    ]
    path = write(tmp_path / "a.geojson", json.dumps({"type": "FeatureCollection", "features": content}))
    found = GEOJSON.load(path, "a")
    assert places(found) == [[1, 2], [3.5, 4], [5, 6]]
    assert found.classes == ("Immune", "Immune", None)
    assert found.ids == (None, None, "b")
    assert found.colours == {"Immune": (1, 2, 3)}
    assert found.notes == ("1 object without a point: left out",)


def test_a_file_of_one_point(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"type": "Point", "coordinates": [1.5, 2]}))
    assert recognise(path)[0] is GEOJSON  # type: ignore[index]
    assert places(GEOJSON.load(path, "a")) == [[1.5, 2]]


@pytest.mark.parametrize("coordinates", [[1], ["a", 2], [1e9, 2], None, [[1, 2]], []])
def test_points_that_are_none(coordinates: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson", json.dumps(feature({"type": "Point", "coordinates": coordinates})))
    with pytest.raises(NusegError, match=r"a\.geojson: damaged GeoJSON"):
        GEOJSON.load(path, "a")


numbers = st.integers(0, 10**7).map(lambda value: value / 1000)
names = st.none() | st.sampled_from(["tumour", "a, b", "ü"])


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nuclei=st.lists(st.tuples(numbers, numbers, names), min_size=1, max_size=9))
def test_points_come_back_from_geojson(nuclei: list[tuple[float, float, str | None]], tmp_path: Path) -> None:
    classes = tuple(name for *_, name in nuclei)
    written = Annotation(points=np.array([place[:2] for place in nuclei]), classes=classes if any(classes) else None)
    GEOJSON.write(written, tmp_path / "a.geojson")
    found = GEOJSON.load(tmp_path / "a.geojson", "a")
    assert places(found) == places(written)
    assert found.classes == written.classes


def test_points_have_no_outlines() -> None:
    points = Annotation(points=np.array([[1.0, 2.0]]))
    assert points.count == 1
    with pytest.raises(ValueError, match="points"):
        _ = points.areas
    with pytest.raises(ValueError, match="points"):
        points.numbered((5, 5))
    with pytest.raises(ValueError, match="2 classes for 1 points"):
        Annotation(points=np.array([[1.0, 2.0]]), classes=("a", "b"))
    with pytest.raises(ValueError, match="either labels or polygons"):
        Annotation(points=np.zeros((0, 2)), polygons=(shapely.box(0, 0, 1, 1),))
