"""Features of nuclei: the same from every file that holds them, and wherever tiles are cut."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuseg.classification import features as own
from nuseg.classification import files
from nuseg.classification.features import ALL, PLAIN, Features, elongation, features_of, open_image
from nuseg.classification.files import ImageResult, geojson_features, image_results
from nuseg.errors import NusegError
from nuseg.io.opening import open_source


def measured(folder: Path, pixels: bool = True) -> Features:
    result = image_results(folder)[0][0]
    if not pixels:
        return features_of(result, None)
    with open_image(result, None) as source:
        return features_of(result, source)


def only(case: Path, folder: Path, *outputs: str) -> Path:
    """The results with some of their outputs."""
    for place in (*outputs, ".nuseg"):
        shutil.copytree(case / "results" / place, folder / place)
    shutil.copy(case / "results" / "summary.csv", folder)
    return folder


@pytest.mark.parametrize("outputs", [("csv", "geojson"), ("geoparquet",), ("parquet", "geojson")])
def test_they_are_the_same_from_every_file(case: Path, tmp_path: Path, outputs: tuple[str, ...]) -> None:
    whole, part = measured(case / "results"), measured(only(case, tmp_path, *outputs))
    assert whole.values.shape == (25, len(ALL))
    np.testing.assert_allclose(part.values, whole.values, rtol=1e-3, atol=2e-4)
    assert (part.ids == whole.ids).all()


def test_tiles_and_parts_change_nothing(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(case / "results").values
    monkeypatch.setattr(files, "ROWS", 3)
    np.testing.assert_array_equal(measured(case / "results").values, whole)
    monkeypatch.setattr(own, "TILE", 40)
    np.testing.assert_allclose(measured(case / "results").values, whole, atol=1e-4)


def test_without_pixels_the_rest_is_the_same(case: Path) -> None:
    plain = measured(case / "results", pixels=False).values
    np.testing.assert_array_equal(plain, measured(case / "results").values[:, : len(PLAIN)])


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_the_grid_is_that_of_the_image(mpp: float) -> None:
    """A corner of an image, mirrored beyond its border."""
    pixels = np.repeat(np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8), 8, 0), 8, 1)[..., None].repeat(3, 2)
    with open_source(pixels) as source:
        scale = 0.5 / mpp
        grid = own.read_grid(source, scale, np.array([-2, -2]), round(64 / scale) + 4)
    assert grid.shape[:2] == (round(64 / scale) + 4,) * 2
    assert (grid[0, 0], grid[-1, -1]) == (pytest.approx(0), pytest.approx(63))


def test_elongation_is_twice_the_angle() -> None:
    for degrees in (0, 30, 90, 120):
        angle = np.radians(degrees)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        ring = 1000 + np.array([9 * along + across, 9 * along - across, -9 * along - across, -9 * along + across])
        cosine, sine = elongation(ring)
        assert np.degrees(np.arctan2(sine, cosine)) / 2 % 180 == pytest.approx(degrees, abs=0.1)
        assert np.hypot(cosine, sine) > 0.9
    assert elongation(np.zeros((3, 2))) == (0, 0)


def test_an_image_without_nuclei(case: Path, tmp_path: Path) -> None:
    folder = only(case, tmp_path, "csv", "geojson")
    table, drawn = folder / "csv" / "a.csv", folder / "geojson" / "a.geojson"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    drawn.write_text(drawn.read_text().split('"features":[')[0] + '"features":[]}')
    assert measured(folder).values.shape == (0, len(ALL))


def damaged(folder: Path, file: str, old: str, new: str) -> Path:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("csv/a.csv", "area_um2", "size", "without area_um2"),
        ("csv/a.csv", "\n3,", "\n1,", "ascending"),
        ("csv/a.csv", "\n3,", "\nx,", "expected a table of nuclei"),
        ("csv/a.csv", "\n3,", "\nnan,", "finite"),
        ("geojson/a.geojson", '"name":"3"', '"name":"99"', "not of the same nuclei"),
        ("geojson/a.geojson", '"name":"3"', '"name":[]', "number of a nucleus"),
        ("geojson/a.geojson", "]}", "", "as nuseg segment writes it"),
        ("geojson/a.geojson", "Polygon", "Point", None),
        ("geojson/a.geojson", "[[[", '[[["x",', "polygons"),
        ("geojson/a.geojson", '{"type":"FeatureCollection"', '{"type":"Other"', None),
        ("geojson/a.geojson", '"features":[', '"others":[', "as nuseg segment writes it"),
    ],
)
def test_damaged_results_are_named(
    case: Path, tmp_path: Path, file: str, old: str, new: str, words: str | None
) -> None:
    folder = damaged(only(case, tmp_path, "csv", "geojson"), file, old, new)
    if words is None:
        assert len(measured(folder, pixels=False).values) == 25
        return
    with pytest.raises(NusegError, match=words) as problem:
        measured(folder, pixels=False)
    assert str(folder) in str(problem.value)


def test_what_is_missing_is_named(case: Path, tmp_path: Path) -> None:
    folder = only(case, tmp_path / "labels", "labels")
    with pytest.raises(NusegError, match="expected a table of nuclei"):
        measured(folder, pixels=False)
    with pytest.raises(NusegError, match="expected a folder of results"):
        image_results(tmp_path / "nothing")
    with pytest.raises(NusegError, match="found none"):
        image_results(case / "images")


def test_another_image_is_refused(case: Path) -> None:
    result = image_results(case / "results")[0][0]
    with pytest.raises(NusegError, match="found nothing"):
        open_image(result, case / "elsewhere")
    wider = ImageResult(result.folder, replace(result.record, row=replace(result.row, width=7)))
    with pytest.raises(NusegError, match="expected an image of 7 x 120 px"):
        open_image(wider, case / "images")


def test_features_of_geojson_are_whole(case: Path) -> None:
    path = case / "results" / "geojson" / "a.geojson"
    assert list(geojson_features(path)) == json.loads(path.read_text())["features"]
