"""Masks, label images, tables and QuPath objects on disk, read back by other software."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile

from nuseg.measure.nuclei import COLUMNS, measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.formats import csv, geojson, mask, parquet
from nuseg.results.formats import labels as label_tiff

LABELS = np.array([[1, 1, 0, 2], [1, 1, 0, 2], [0, 0, 0, 0], [3, 3, 3, 3]], np.int32)


@pytest.fixture
def nuclei() -> pd.DataFrame:
    return measure_nuclei(LABELS, np.full((4, 4, 3), 90, np.uint8), np.full((4, 4), 0.75, np.float32), 0.5)


def write_table(nuclei: pd.DataFrame, path: Path) -> None:
    """Write a table by the output of the file's suffix, in two batches."""
    columns = Columns()
    with csv.opened(path, columns) if path.suffix == ".csv" else parquet.opened(path, columns, {}) as add:
        for part in (nuclei[:2], nuclei[2:]):
            if len(part):
                add(NucleiBatch(part, []))


def write_geojson(polygons: list[np.ndarray], nuclei: pd.DataFrame, path: Path) -> None:
    with geojson.opened(path, path.stem) as add:
        add(NucleiBatch(nuclei, polygons))


def test_mask_is_0_and_255(tmp_path: Path) -> None:
    mask.write(LABELS > 0, tmp_path / "m.png")
    read = cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint8
    assert np.array_equal(read, 255 * (LABELS > 0))


def test_labels_keep_values_and_resolution(tmp_path: Path) -> None:
    many = LABELS * 100_000  # more than 16 bits hold
    label_tiff.write(many, 0.5, tmp_path / "l.tiff")
    with tifffile.TiffFile(tmp_path / "l.tiff") as file:
        page = file.pages[0]
        assert page.asarray().dtype == np.int32
        assert np.array_equal(page.asarray(), many)
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        per_unit, unit = page.tags["XResolution"].value, page.tags["ResolutionUnit"].value
        assert unit == tifffile.RESUNIT.CENTIMETER
        assert 1e4 * per_unit[1] / per_unit[0] == pytest.approx(0.5)
    assert np.array_equal(cv2.imread(str(tmp_path / "l.tiff"), cv2.IMREAD_UNCHANGED), many)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_table_comes_back(tmp_path: Path, nuclei: pd.DataFrame, suffix: str) -> None:
    path = tmp_path / f"n{suffix}"
    write_table(nuclei, path)
    expected = nuclei.astype({"area_px": float})  # on other grids than the model's it is no whole number
    # The text of a whole number has no point, so a CSV is read with the types that it should have.
    read = pd.read_csv(path, dtype=expected.dtypes.to_dict()) if suffix == ".csv" else pd.read_parquet(path)
    assert list(read.columns) == list(COLUMNS)
    pd.testing.assert_frame_equal(read, expected, atol=6e-5 if suffix == ".csv" else 0, rtol=0)


def test_numbers_in_a_csv_are_plain_and_have_four_decimals(tmp_path: Path, nuclei: pd.DataFrame) -> None:
    write_table(nuclei, tmp_path / "n.csv")
    header, *lines = (tmp_path / "n.csv").read_text(encoding="utf-8").splitlines()
    assert header == ",".join(COLUMNS)
    assert [line.split(",")[0] for line in lines] == ["1", "2", "3"]
    assert all(re.fullmatch(r"-?\d+(\.\d{1,4})?", word) for line in lines for word in line.split(","))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_empty_table_has_its_columns(tmp_path: Path, nuclei: pd.DataFrame, suffix: str) -> None:
    path = tmp_path / f"n{suffix}"
    write_table(nuclei.iloc[:0], path)
    read = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert list(read.columns) == list(COLUMNS)
    assert len(read) == 0


def test_qupath_detections(tmp_path: Path, nuclei: pd.DataFrame) -> None:
    write_geojson(outlines(LABELS), nuclei, tmp_path / "q.geojson")
    text = (tmp_path / "q.geojson").read_text(encoding="utf-8")
    collection = json.loads(text)
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == 3
    for number, detection in enumerate(collection["features"], 1):
        assert detection["type"] == "Feature"
        properties = detection["properties"]
        assert properties["objectType"] == "detection"
        assert properties["name"] == str(number)
        assert properties["classification"]["name"] == "Nucleus"
        assert all(isinstance(value, float) for value in properties["measurements"].values())
        ring = detection["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert len(ring) >= 5
    shapes = shapely.from_geojson(text)
    assert [shape.is_valid for shape in shapes.geoms] == [True] * 3
    assert [shape.area for shape in shapes.geoms] == [3.5, 1.5, 3.5]
    assert [shape.centroid.x for shape in shapes.geoms] == [1.0, 3.5, 2.0]  # pixels from the image's corner
    measurements = collection["features"][0]["properties"]["measurements"]
    assert measurements["Area µm^2"] == pytest.approx(1.0)
    assert measurements["Probability"] == pytest.approx(0.75)


def test_no_detections(tmp_path: Path, nuclei: pd.DataFrame) -> None:
    write_geojson([], nuclei.iloc[:0], tmp_path / "q.geojson")
    assert json.loads((tmp_path / "q.geojson").read_text()) == {"type": "FeatureCollection", "features": []}


def test_qupath_rings_are_closed_and_rounded(tmp_path: Path, nuclei: pd.DataFrame) -> None:
    polygons = [ring + np.pi for ring in outlines(LABELS)]
    write_geojson(polygons, nuclei, tmp_path / "q.geojson")
    features = json.loads((tmp_path / "q.geojson").read_text(encoding="utf-8"))["features"]
    for detection, polygon in zip(features, polygons, strict=True):
        (ring,) = detection["geometry"]["coordinates"]
        assert ring == [*polygon.round(3).tolist(), polygon[0].round(3).tolist()]


def test_qupath_file_without_nuclei(tmp_path: Path, nuclei: pd.DataFrame) -> None:
    write_geojson([], nuclei.iloc[:0], tmp_path / "q.geojson")
    assert json.loads((tmp_path / "q.geojson").read_text(encoding="utf-8"))["features"] == []
