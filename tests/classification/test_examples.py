"""Marks found among nuclei: points inside, outlines that overlap, and what belongs to none."""

from pathlib import Path

import numpy as np
import pytest

from marked import STEP, box, feature, two_kinds, write_features
from nuseg.classification.examples import Found, find_examples, read_marks
from nuseg.classification.files import ImageResult, image_results
from nuseg.errors import NusegError


@pytest.fixture(scope="module")
def result(case: Path) -> ImageResult:
    return next(one for one in image_results(case / "results")[0] if one.name == "a")


def found(result: ImageResult, path: Path) -> Found:
    marks = read_marks([path], [result])
    table = result.measures()
    places = np.stack([table["x_px"], table["y_px"]], axis=1)
    return find_examples(result, marks[result.name], table["id"].astype(np.int64), places)


def point(x: float, y: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [x, y]}


def test_every_marked_nucleus_is_found_with_its_class(case: Path, result: ImageResult) -> None:
    own = found(result, case / "marked" / "a.geojson")
    table = result.measures()
    held = {(left // STEP, top // STEP): kind for kind, left, top in two_kinds(0)[1]}
    cells = zip(table["x_px"][own.rows] // STEP, table["y_px"][own.rows] // STEP, strict=True)
    assert own.classes == [held[int(x), int(y)] for x, y in cells]
    assert (len(own.rows), own.notes) == (25, [])


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        (point(6, 11), True),
        (point(3.6, 8.6), True),
        (point(2.5, 11), False),
        (point(1e6, 1e6), False),
        ({"type": "MultiPoint", "coordinates": [[6, 11], [5, 10]]}, True),
        (box(3, 8, 6, 6), True),
        (box(1, 6, 9, 9), True),
        (box(8, 13, 6, 6), False),
        (box(0, 0, 120, 120), False),
        ({"type": "LineString", "coordinates": [[3, 8], [9, 14]]}, None),
    ],
)
def test_what_a_mark_is_found_on(
    result: ImageResult, tmp_path: Path, shape: dict[str, object], fits: bool | None
) -> None:
    sure = feature("y", point(STEP + 6, 11))
    own = found(result, write_features(tmp_path / "a.geojson", [sure, feature("x", shape)]))
    assert own.classes == (["x", "y"] if fits else ["y"])
    said = [("1 of 2 examples" in note, "1 x" in note) for note in own.notes]
    assert said == ([(True, True)] if fits is False else [])


def test_a_nucleus_of_two_classes_is_left_out(result: ImageResult, tmp_path: Path) -> None:
    marks = [feature("x", point(6, 11)), feature("y", box(3, 8, 6, 6)), feature("x", point(STEP + 6, 11))]
    own = found(result, write_features(tmp_path / "a.geojson", marks))
    assert own.classes == ["x"]
    assert own.notes == ["1 nucleus marked with several classes (such as x, y): left out"]


def test_all_detections_may_be_exported(case: Path, result: ImageResult, tmp_path: Path) -> None:
    """Nuclei of results have the class "Nucleus", which is none."""
    text = (case / "results" / "geojson" / "a.geojson").read_text()
    (tmp_path / "a.geojson").write_text(text.replace('"name":"Nucleus"', '"name":"tumour"', 3))
    own = found(result, tmp_path / "a.geojson")
    assert (own.rows.tolist(), own.classes, own.notes) == ([0, 1, 2], ["tumour"] * 3, [])


def test_other_formats_with_classes_are_read(result: ImageResult, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,class\n6.0,11.0,t\n1.0,1.0,t\n")
    own = found(result, tmp_path / "a.csv")
    assert own.classes == ["t"]


@pytest.mark.parametrize(
    ("name", "marks", "words"),
    [
        ("z", [feature("x", point(6, 11))], "expected the name of an image in the results, such as a, found z"),
        ("a", [feature(None, point(6, 11))], "expected points or outlines with a class, found none"),
        ("a", [feature("Nucleus", point(6, 11))], "found none"),
        ("a", [feature("x\u202e", point(6, 11))], "rename it"),
        ("a", [feature("x", {"type": "Polygon", "coordinates": [[["q", 1]]]})], "damaged GeoJSON"),
    ],
)
def test_what_cannot_be_examples_is_said(
    case: Path, tmp_path: Path, name: str, marks: list[dict[str, object]], words: str
) -> None:
    path = write_features(tmp_path / f"{name}.geojson", marks)
    with pytest.raises(NusegError) as problem:
        read_marks([path], image_results(case / "results")[0])
    assert words in str(problem.value)
    assert "\n" not in str(problem.value)


def test_folders_and_files_that_are_not_there(case: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.geojson"):
        with pytest.raises(NusegError, match="expected examples in GeoJSON"):
            read_marks([path], image_results(case / "results")[0])
