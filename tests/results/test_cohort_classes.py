"""Classes of nuclei in the report on a folder: numbers by hand, the page, and folders that hold some without."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nuseg
from class_model import CLASSES, picture, save_class_model
from dark_model import save_dark_model
from nuseg.io.image import write_png
from nuseg.measure.classes import class_colours, hexadecimal
from nuseg.measure.counts import CountError
from nuseg.report.strips import mix_svg
from nuseg.results.cohort.classes import class_names, class_rows
from nuseg.results.cohort.gather import Cohort, Entry
from nuseg.results.cohort.groups import mean_interval
from nuseg.results.records import MARKER
from nuseg.results.summary import Row

ERROR = CountError(images=9, bias=0, mean_absolute=0.1, low=0.5, high=2)


def entry(name: str, group: str, nuclei: int, classes: dict[str, int], patient: str = "") -> Entry:
    row = Row(name, f"{name}.png", nuclei=nuclei, area_mm2=0.5, patient=patient, group=group, classes=classes)
    return Entry(row, group, count_error=ERROR)


def test_rows_by_hand() -> None:
    entries = [
        entry("a1", "x", 40, {"epithelial": 10, "other": 30}, "p"),
        entry("a2", "x", 20, {"epithelial": 20, "other": 0}, "p"),
        entry("a3", "x", 8, {"epithelial": 8, "other": 0}, "q"),
        entry("b1", "y", 100, {}, "r"),  # by a model that tells none
        entry("b2", "y", 10, {"other": 10}, "s"),  # by one that tells others
    ]
    assert class_names(entries) == ("epithelial", "other")
    rows = {(row.group, row.class_name): row for row in class_rows(Cohort(Path(), entries, []))}
    assert list(rows) == [("x", "epithelial"), ("x", "other"), ("y", "other")]
    first = rows["x", "epithelial"]
    assert (first.images, first.patients, first.nuclei) == (3, 2, 38)
    assert (first.nuclei_low, first.nuclei_high) == (5 + 10 + 4, 20 + 40 + 16)
    assert (first.share, first.area_mm2, first.nuclei_per_mm2) == (38 / 68, 1.5, 38 / 1.5)
    low, mean, high = mean_interval(np.array([30.0, 16.0]))  # of patients: 30 on 1 mm2, 8 on 0.5
    assert (first.mean_low, first.mean_per_mm2, first.mean_high) == (low, mean, high)
    assert (rows["y", "other"].nuclei, rows["y", "other"].images, rows["y", "other"].share) == (10, 1, 1.0)
    assert first.record()["class"] == "epithelial"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        write_png(tmp_path / "in" / f"{name}.png", picture())
    write_png(tmp_path / "in" / "empty.png", picture()[:5])
    nuseg.segment_folder(
        tmp_path / "in", tmp_path / "out", ["csv"], mpp=0.25, model=save_class_model(tmp_path / "model").path
    )
    return tmp_path / "out"


def test_the_report_has_classes_in_tables_and_page(results: Path) -> None:
    table = pd.read_csv(results / "report_classes.csv").set_index("class")
    assert table.loc[list(CLASSES), "nuclei"].tolist() == [4, 8]
    assert table.loc[list(CLASSES), "images"].tolist() == [3, 3]
    images = pd.read_csv(results / "report.csv").set_index("name")
    assert images.loc["one", "count_other"] == 4
    assert images.loc["one", "per_mm2_other"] == pytest.approx(4 / (60 * 90 * 0.25**2 / 1e6))
    assert images.loc["empty", "count_other"] == 0
    html = (results / "report.html").read_text(encoding="utf-8")
    assert "<h2>Classes of nuclei</h2>" in html
    assert "report_classes.csv" in html
    for colour in class_colours(CLASSES).values():
        assert f'fill="{hexadecimal(colour)}"' in html


def test_without_classes_there_is_no_table_of_them(results: Path, tmp_path: Path) -> None:
    model = save_dark_model(tmp_path / "dark").path
    nuseg.segment_folder(tmp_path / "in", results, ["csv"], mpp=0.25, model=model, overwrite=True)
    assert not (results / "report_classes.csv").exists()
    assert "Classes of nuclei" not in (results / "report.html").read_text(encoding="utf-8")
    assert not [name for name in pd.read_csv(results / "report.csv") if name.startswith("count_")]


def test_annotated_areas_count_classes(tmp_path: Path) -> None:
    """Also where some images were done by a model that tells none, and by a version that wrote no names of columns."""
    write_png(tmp_path / "in" / "one.png", picture())
    ring = [[0, 0], [90, 0], [90, 30], [0, 30], [0, 0]]
    (tmp_path / "top.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    options = {"mpp": 0.25, "region": tmp_path / "top.geojson", "tissue": False}
    out = tmp_path / "out"
    nuseg.segment_folder(tmp_path / "in", out, ["csv"], model=save_dark_model(tmp_path / "dark").path, **options)
    assert not [name for name in pd.read_csv(out / "annotations.csv") if name.startswith("count_")]
    kept = out / MARKER / "annotations" / "one.csv"
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[1:]))
    write_png(tmp_path / "more" / "two.png", picture())
    nuseg.segment_folder(tmp_path / "more", out, ["csv"], model=save_class_model(tmp_path / "model").path, **options)
    areas = pd.read_csv(out / "annotations.csv").set_index("name")
    assert areas["nuclei"].to_dict() == {"one": 3, "two": 3}
    assert areas.loc["two", [f"count_{name}" for name in CLASSES]].tolist() == [1, 2]
    assert areas.loc["two", "per_mm2_other"] == pytest.approx(2 / (30 * 90 * 0.25**2 / 1e6), abs=0.01)
    assert areas.loc["one", [f"count_{name}" for name in CLASSES]].isna().all()


def test_a_mix_says_what_it_shows() -> None:
    drawn = mix_svg({"a<b": 1, "c": 3}, {"a<b": "#000000", "c": "#ffffff"})
    assert "<title>a&lt;b: 1 (25.0%)</title>" in drawn
    assert 'width="480.0"' in drawn
    assert mix_svg({"c": 0}, {"c": "#ffffff"}) == ""
