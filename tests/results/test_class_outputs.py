"""Classes in every output, read back by other software."""

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import geopandas
import numpy as np
import pandas as pd
import pytest

from class_model import CLASSES, CONFIG, class_network, picture
from nuseg.annotations.registry import format_of
from nuseg.measure.classes import CLASS, class_colours, class_columns, probability_column
from nuseg.measure.counts import CountError
from nuseg.measure.nuclei import COLUMNS as MEASURES
from nuseg.model.store import Model
from nuseg.results.areas import COLUMNS as AREAS
from nuseg.results.records import Record, Records
from nuseg.results.summary import Row, read, result_row, write
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import read_region
from nuseg.segmentation.segmenter import Segmenter

COLUMNS = list(class_columns(CLASSES))
EXPECTED = ["other", "other", "red, or so"] * 2


@pytest.fixture
def result():
    model = CONFIG.model_copy(update={"count_error": CountError(images=9, bias=0, mean_absolute=0.1, low=0.5, high=2)})
    return Segmenter(Model(model, Path()), class_network)(picture(), 0.25)


def test_tables_have_class_and_probabilities(result, tmp_path: Path):
    files = result.save(tmp_path, ["csv", "parquet", "geoparquet"], "one")
    tables = pd.read_csv(files["csv"]), pd.read_parquet(files["parquet"]), geopandas.read_parquet(files["geoparquet"])
    for table in tables:
        assert [name for name in table if name in COLUMNS] == COLUMNS
        assert table[CLASS].tolist() == EXPECTED
        sums = table[[probability_column(name) for name in CLASSES]].sum(axis=1)
        np.testing.assert_allclose(sums, 1, atol=2e-4)
        np.testing.assert_allclose(table[COLUMNS[0]], result.nuclei[COLUMNS[0]], atol=1e-4)


def test_classes_and_annotated_areas_stand_side_by_side(tmp_path: Path):
    """Of one result all tables have the same columns in the same order, also where both are there."""
    box = {"type": "Polygon", "coordinates": [[[0, 0], [30, 0], [30, 60], [0, 60], [0, 0]]]}
    feature = {"type": "Feature", "geometry": box, "properties": {"name": 'left, "half"'}}
    region = tmp_path / "region.geojson"
    region.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    options = SegmentOptions(0.25, tissue=False, region=read_region(str(region)))
    result = Segmenter(Model(CONFIG, Path()), class_network)(picture(), options=options)
    files = result.save(tmp_path, ["csv", "parquet", "geoparquet", "geojson"], "one")
    expected = [*MEASURES, *COLUMNS, *AREAS]
    assert list(result.nuclei) == list(result.info.columns.meanings) == expected
    for table in pd.read_csv(files["csv"]), pd.read_parquet(files["parquet"]):
        assert list(table) == expected
        assert table["annotation"].tolist() == ['left, "half"'] * len(result)
        assert table[CLASS].tolist() == result.nuclei[CLASS].tolist()
    assert list(geopandas.read_parquet(files["geoparquet"]))[: len(expected)] == expected
    (area,) = result.summary["annotations"]
    assert area["classes"] == {"red, or so": 0, "other": len(result)}
    assert result.annotations.loc[0, "count_other"] == len(result)
    assert result.annotations.loc[0, "per_mm2_other"] == pytest.approx(len(result) / area["area_mm2"], abs=0.01)
    found = json.loads(files["geojson"].read_text())["features"][0]["properties"]
    assert (found["metadata"]["annotation"], found["classification"]["name"]) == ('left, "half"', "other")


@pytest.mark.parametrize("output", ["geojson", "geojson-gz"])
def test_qupath_gets_classifications_with_colours(result, tmp_path: Path, output: str):
    path = result.save(tmp_path, [output], "one")[output]
    read_back = format_of(path).load(path, "one")
    assert list(read_back.classes) == EXPECTED
    assert read_back.colours == class_colours(CLASSES)
    if output == "geojson":
        detection = json.loads(path.read_text())["features"][2]["properties"]
        assert detection["classification"] == {"name": CLASSES[0], "color": list(class_colours(CLASSES)[CLASSES[0]])}
        assert detection["measurements"][f"Probability {CLASSES[0]}"] > 0.98


def test_anndata_has_classes_for_scanpy(result, tmp_path: Path):
    anndata = pytest.importorskip("anndata")
    data = anndata.read_h5ad(result.save(tmp_path, ["anndata"], "one")["anndata"])
    assert data.obs[CLASS].tolist() == EXPECTED
    assert data.obs[CLASS].cat.categories.tolist() == list(CLASSES)
    assert list(data.obs) == COLUMNS
    expected = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in class_colours(CLASSES).values()]
    assert list(data.uns["class_colors"]) == expected


def test_the_overlay_shows_classes_in_their_colours(result, tmp_path: Path):
    drawn = cv2.imread(str(result.save(tmp_path, ["overlay"], "one")["overlay"]))[..., ::-1]
    colours = class_colours(CLASSES)
    labels = result.labels
    for number, name in zip(result.nuclei["id"], result.nuclei[CLASS], strict=True):
        y, x = (side[0] for side in np.nonzero(labels == number))  # the first pixel lies on the outline
        assert tuple(drawn[y, x]) == colours[name]


def test_the_summary_counts_classes(result, tmp_path: Path):
    summary = json.loads(result.save(tmp_path, ["summary"], "one")["summary"].read_text())
    assert summary["classes"] == json.loads(json.dumps([asdict(one) for one in result.classes]))
    other = summary["classes"][1]
    assert (other["name"], other["nuclei"], other["share"]) == ("other", 4, pytest.approx(4 / 6))
    assert (other["nuclei_low"], other["nuclei_high"]) == (2, 8)
    area = 60 * 90 * 0.25**2 / 1e6
    assert other["nuclei_per_mm2"] == pytest.approx(4 / area)


def test_summary_csv_has_columns_of_classes_where_there_are_some(result, tmp_path: Path):
    row = result_row("one", "one.png", result, "s")
    path = tmp_path / "summary.csv"
    write([row], path)
    table = pd.read_csv(path)
    assert table.loc[0, "count_other"] == 4
    assert table.loc[0, "count_red, or so"] == 2
    assert table.loc[0, "per_mm2_other"] == pytest.approx(4 / row.area_mm2, abs=0.01)
    assert read(path)[0].classes == {"red, or so": 2, "other": 4}
    write([type(row)("two", "two.png", nuclei=3)], path)
    assert not [name for name in pd.read_csv(path) if name.startswith(("count_", "per_mm2_"))]


def test_records_keep_counts_of_classes(result, tmp_path: Path):
    records = Records(tmp_path)
    records.begin()
    records.keep(Record(result_row("one", "one.png", result, "s")))
    records.keep(Record(Row("two", "two.png", nuclei=3)))
    found = Records(tmp_path).read()
    assert found["one"].row.classes == {"red, or so": 2, "other": 4}
    assert found["two"].row.classes == {}
    (plain,) = (path for path in (tmp_path / ".nuseg").rglob("*.json") if path.stem == "two")
    assert "classes" not in plain.read_text()


def test_results_are_read_as_annotations_with_classes(result, tmp_path: Path):
    result.save(tmp_path, ["geojson", "labels"], "one")
    write([result_row("one", "one.png", result, "s")], tmp_path / "summary.csv")
    read_back = format_of(tmp_path).load(tmp_path, "one")
    assert list(read_back.classes) == EXPECTED
