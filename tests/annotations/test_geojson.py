"""GeoJSON of QuPath: polygons and classes, read and written."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import BY_NAME, SURE
from nuseg.annotations.formats.geojson import FORMAT
from nuseg.errors import NusegError

RING = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]


def feature(geometry: Any, classification: Any = None) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"classification": classification}}


def polygon(*rings: list[list[int]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_every_object_with_an_area_is_a_nucleus_with_its_class(tmp_path: Path) -> None:
    shifted = [[x + 10, y] for x, y in RING]
    content = [
        feature(polygon(RING, HOLE), {"name": "Tumor", "color": [1, 2, 3]}),
        feature(None),
        feature({"type": "Point", "coordinates": [1, 2]}),
        feature({"type": "MultiPolygon", "coordinates": [[RING], [shifted]]}, {"names": ["Immune", "CD3"]}),
        feature({"type": "GeometryCollection", "geometries": [polygon(shifted), {"type": "Point"}]}),
    ]
    annotation = FORMAT.load(save(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": content}), "a")
    assert annotation.polygons is not None
    assert [nucleus.area for nucleus in annotation.polygons] == [15, 32, 16]
    assert annotation.classes == ("Tumor", "Immune: CD3", None)
    assert annotation.notes == ("2 objects without an area: left out",)
    assert annotation.instance


def test_without_classes_there_are_none(tmp_path: Path) -> None:
    assert FORMAT.load(save(tmp_path / "a.geojson", polygon(RING)), "a").classes is None


@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
def test_polygons_come_back_as_written(tmp_path: Path, name: str) -> None:
    hole = shapely.Polygon(RING, [HOLE])
    written = Annotation(polygons=(hole, shapely.MultiPolygon([shapely.box(5, 5, 6, 7), shapely.box(8, 8, 9, 9)])))
    for classes in (None, ("x", None)):
        FORMAT.write(Annotation(polygons=written.polygons, classes=classes), tmp_path / name)
        found = FORMAT.load(tmp_path / name, "a")
        assert found.classes == classes
        assert found.polygons is not None
        assert all(a.equals(b) for a, b in zip(found.polygons, written.polygons or (), strict=True))


def test_labels_come_back_as_written(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[2:9, 3:12] = 1
    labels[9:15, 3:12] = 2
    labels[5:9, 20:26] = 7
    FORMAT.write(Annotation(labels, classes=("a", "b", "c")), tmp_path / "a.geojson")
    found = FORMAT.load(tmp_path / "a.geojson", "a").numbered(labels.shape)
    assert found.labels is not None
    assert np.array_equal(found.labels, np.where(labels == 7, 3, labels))
    assert found.classes == ("a", "b", "c")


def test_is_recognised_by_content_or_at_least_by_name(tmp_path: Path) -> None:
    plain = save(tmp_path / "a.json", [feature(polygon(RING))])
    (tmp_path / "b.bin").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "c.geojson").write_text("{")
    (tmp_path / "d.geojson.gz").write_bytes(b"\x1f\x8b\x08cut")
    save(tmp_path / "e.json", {"images": [], "type": "instances"})
    sniffs = [FORMAT.sniff(path) for path in sorted(tmp_path.iterdir())]
    assert [sniff and sniff.sure for sniff in sniffs] == [SURE, SURE, BY_NAME, BY_NAME, None]
    assert FORMAT.sniff(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "expected GeoJSON"),
        (b"\x1f\x8b\x08cut", "cannot be opened"),
        (b"\x1f\x8b\x08" + bytes(6) + b"\x03" + b"\xff" * 40, "cannot be opened"),
        (b'{"type": "Feature"}', "damaged GeoJSON"),
        (b'{"type": "Polygon", "coordinates": 3}', "damaged GeoJSON"),
        (b'{"type": "Polygon", "coordinates": []}', "damaged GeoJSON"),
        (b'{"type": "Polygon", "coordinates": [[["a", "b"], ["c", "d"], ["e", "f"]]]}', "damaged GeoJSON"),
        (b'{"type": "Feature", "geometry": {}, "properties": {}}', "damaged GeoJSON"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.geojson").write_bytes(content)
    with pytest.raises(NusegError, match=says) as caught:
        FORMAT.load(tmp_path / "a.geojson", "a")
    assert str(tmp_path / "a.geojson") in str(caught.value)
    assert "\n" not in str(caught.value)


def many(points: np.ndarray) -> bytes:
    """A polygon of these points."""
    return json.dumps(polygon(points.tolist())).encode()


ROUND = np.linspace(0, 2 * np.pi, 20_000)
NUMBERS = b'{"type": "Polygon", "coordinates": [[[0, 0], [%s, 0], [1, 1]]]}'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[" * 900 + b"]" * 900, "nested more than 8 deep"),
        (b"[" * 9000 + b"]" * 9000, "expected GeoJSON"),
        (b'{"type": "GeometryCollection", "geometries": [' * 400 + b"]}" * 400, "geometries nested more than 8 deep"),
        (NUMBERS % b"1e300", r"coordinate of 1e\+300 px, beyond any image"),
        (NUMBERS % b"1e400", "expected GeoJSON"),
        (NUMBERS % b"NaN", "expected GeoJSON"),
        (NUMBERS % (b"9" * 500), "expected GeoJSON"),
        (NUMBERS % b"true", "a coordinate that is no number"),
        (NUMBERS % b'"1"', "a coordinate that is no number"),
        (NUMBERS % b"null", "a coordinate that is no number"),
        (NUMBERS % b"[1]", "a coordinate that is no number"),
        (b'{"type": "Polygon", "coordinates": [[{}, {}, {}]]}', "no list of points"),
        (b'{"type": "FeatureCollection", "features": null}', "'features' is None"),
        (b'{"type": "FeatureCollection", "features": [3]}', "3 in place of an object"),
        (b'{"type": ["Polygon"]}', "type a list"),
        (b'{"type": "Feature", "geometry": "x"}', "'x' in place of a geometry"),
        (b'{"type": "Curve", "coordinates": []}', "a geometry of the type 'Curve'"),
        (b'{"type": "' + b"x" * 200_000 + b'"}', r"type 'x+\.\.\."),
        (json.dumps(feature(polygon(RING), {"name": {}})).encode(), "a class named an object"),
        (json.dumps(feature(polygon(RING), "x" * 200_000)).encode(), r"a class named 'x+\.\.\."),
        (b'{"type": "Feature", "geometry": null, "properties": [1]}', "'properties' is a list"),
        (json.dumps([feature(polygon(RING)), feature(None), 3]).encode(), "object 3: 3 in place"),
        (many(np.stack([np.cos(ROUND * 4999), np.sin(ROUND * 4999)], axis=1)), "crosses itself about"),
        (many(np.random.default_rng(0).uniform(0, 99, (3000, 2))), "crosses itself about"),
        ('{"type": "Polygon"}'.encode("utf-16"), "in UTF-8, found UTF-16"),
        (b'{"type": "\xe9"}', "not UTF-8"),
        (gzip.compress(b" " * 20_000_000), "unpacks to more than 16 MB"),
    ],
)
def test_hostile_files(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(content)
    with pytest.raises(NusegError, match=says) as caught:
        FORMAT.load(path, "a")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_byte_order_mark_and_several_packed_parts_are_read(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(polygon(RING)).encode()
    (tmp_path / "a.geojson").write_bytes(content)
    (tmp_path / "b.geojson.gz").write_bytes(gzip.compress(content[:30]) + gzip.compress(content[30:]))
    for path in sorted(tmp_path.iterdir()):
        sniff = FORMAT.sniff(path)
        assert sniff is not None
        assert sniff.sure == SURE
        polygons = FORMAT.load(path, "a").polygons
        assert polygons is not None
        assert [nucleus.area for nucleus in polygons] == [16]


def test_a_long_outline_is_read(tmp_path: Path) -> None:
    outline = 1000 + 900 * np.stack([np.cos(ROUND[:-1]), np.sin(ROUND[:-1])], axis=1)
    (tmp_path / "a.geojson").write_bytes(many(outline))
    polygons = FORMAT.load(tmp_path / "a.geojson", "a").polygons
    assert polygons is not None
    assert polygons[0].area == pytest.approx(np.pi * 900**2, rel=1e-4)


def test_cells_give_their_nucleus_ids_and_colours(tmp_path: Path) -> None:
    cell = feature(polygon(RING), {"name": "Tumor", "color": [1, 2, 3]}) | {
        "id": "c-1",
        "nucleusGeometry": polygon(HOLE),
    }
    older = feature(polygon(RING), {"name": "Immune", "colorRGB": -(1 << 24) + (255 << 16) + 7}) | {"id": "c-2"}
    path = save(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": [cell, older]})
    found = FORMAT.load(path, "a")
    assert [nucleus.area for nucleus in found.areas] == [1, 16]
    assert found.ids == ("c-1", "c-2")
    assert found.colours == {"Tumor": (1, 2, 3), "Immune": (255, 0, 7)}
    FORMAT.write(found, tmp_path / "b.geojson")
    again = FORMAT.load(tmp_path / "b.geojson", "a")
    assert (again.ids, again.colours, again.classes) == (found.ids, found.colours, ("Tumor", "Immune"))


def test_labels_keep_their_area_holes_and_pieces(tmp_path: Path) -> None:
    labels = np.zeros((12, 12), np.int32)
    labels[1:8, 1:8], labels[3:5, 3:5], labels[10, 2:9] = 1, 0, 1
    FORMAT.write(Annotation(labels), tmp_path / "a.geojson")
    (nucleus,) = FORMAT.load(tmp_path / "a.geojson", "a").areas
    assert nucleus.area == labels.sum()


def test_real_files_of_the_puma_set(real_data: Path) -> None:
    """Staircases along pixel edges: drawn, every nucleus has the pixels of its area; classes are PUMA's."""
    files = sorted((real_data / "formats" / "qupath_geojson").glob("*.geojson"))
    counts: Counter[str | None] = Counter()
    for file in files:
        found = FORMAT.load(file, file.stem)
        counts.update(found.names)
        assert len(set(found.identifiers)) == len(found.areas)
        drawn = found.numbered((1024, 1024))
        assert drawn.labels is not None
        assert len(drawn.names) == drawn.labels.max() == len(found.areas)
        assert sum(nucleus.area for nucleus in found.areas) >= (drawn.labels > 0).sum()
    assert sum(counts.values()) == 1029
    assert (counts["nuclei_tumor"], counts["nuclei_apoptosis"], counts["nuclei_lymphocyte"]) == (557, 284, 12)
