"""Results that were classified hold, byte for byte where they can, what a model that tells the same classes gives."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import dark_model
from class_model import CLASSES, CONFIG, class_network, picture
from nuseg import SegmentOptions, read_region
from nuseg.classification.files import HEAD, ImageResult, image_results
from nuseg.classification.findings import Finding
from nuseg.classification.in_areas import classes_of, count_in_areas
from nuseg.classification.told import Told
from nuseg.classification.writing import with_classes, write_all
from nuseg.measure.classes import CLASS, class_columns, most_probable, probability_column
from nuseg.measure.counts import CountError
from nuseg.model.store import Model
from nuseg.results.annotated import keep_annotations
from nuseg.results.areas import COLUMNS as AREAS
from nuseg.results.columns import Columns
from nuseg.results.output import Output
from nuseg.results.records import MARKER, Record, Records
from nuseg.results.registry import outputs
from nuseg.results.segmentation import Segmentation
from nuseg.results.summary import Row, result_row
from nuseg.segmentation.segmenter import Segmenter

SAME_BYTES = ("csv", "overlay", "labels")
GEOJSON = ("geojson", "geojson-gz")
OUTPUTS = (*SAME_BYTES, *GEOJSON, "parquet", "geoparquet", "anndata", "summary")
FINDING = Finding("a", "pale", "3 %", "look")
ERROR = CountError(images=9, bias=0, mean_absolute=0.1, low=0.5, high=2)
HALF = {"type": "Polygon", "coordinates": [[[0, 0], [60, 0], [60, 60], [0, 60], [0, 0]]]}


def half(folder: Path) -> Path:
    """An annotated area with a name that needs quotes in CSV."""
    about = {"name": "left, half", "classification": {"name": "Region"}}
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "Feature", "geometry": HALF, "properties": about}), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["whole", "areas"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Segmentation, Path, Path]:
    """What the model with classes gives, its files, and those of one without to which the classes were added."""
    folder = tmp_path_factory.mktemp("alike")
    options = SegmentOptions(0.25, region=read_region(str(half(folder))) if request.param == "areas" else None)

    def segment(config, network) -> Segmentation:
        model = Model(config.model_copy(update={"count_error": ERROR, "name": "one"}), Path())
        return Segmenter(model, network)(picture(), options=options)

    typed, plain = segment(CONFIG, class_network), segment(dark_model.CONFIG, dark_model.dark_network)
    typed.save(folder / "typed", OUTPUTS, "a")
    plain.save(folder / "plain", OUTPUTS, "a")
    records = Records(folder / "plain")
    records.begin()
    records.keep(Record(result_row("a", "a.png", plain, "s"), count_error=ERROR))
    keep_annotations(records.marker, "a", plain.annotation_rows)
    keep_annotations(folder / "typed" / MARKER, "a", typed.annotation_rows)
    ((result,), _) = image_results(folder / "plain")
    nuclei = typed.nuclei
    probabilities = nuclei[[probability_column(name) for name in CLASSES]].to_numpy()
    places = nuclei[["x_px", "y_px"]].to_numpy()
    told = Told(
        result,
        None,
        nuclei["id"].to_numpy(),
        places,
        most_probable(probabilities),
        probabilities,
        CLASSES,
        {},
        (FINDING,),
    )
    write_all(told, folder / "told")
    return typed, folder / "typed", folder / "told"


def place(output: str) -> Path:
    kind: Output = outputs[output]
    return kind.path(Path(), "a")


@pytest.mark.parametrize("output", SAME_BYTES)
def test_files_are_the_same_bytes(both: tuple[Segmentation, Path, Path], output: str) -> None:
    _, typed, told = both
    assert (told / place(output)).read_bytes() == (typed / place(output)).read_bytes()


@pytest.mark.parametrize("output", GEOJSON)
def test_detections_are_the_same_bytes(both: tuple[Segmentation, Path, Path], output: str) -> None:
    _, *folders = both
    contents = [(folder / place(output)).read_bytes() for folder in folders]
    one, other = (gzip.decompress(text) if output == "geojson-gz" else text for text in contents)
    assert other.partition(HEAD)[2] == one.partition(HEAD)[2]  # before it stands the model


@pytest.mark.parametrize("output", ["parquet", "geoparquet"])
def test_parquet_holds_the_same_in_the_same_columns(both: tuple[Segmentation, Path, Path], output: str) -> None:
    _, typed, told = both
    one, other = pq.read_table(typed / place(output)), pq.read_table(told / place(output))
    assert other.schema.equals(one.schema)
    assert other.equals(one)


def test_anndata_has_the_same_columns_and_colours(both: tuple[Segmentation, Path, Path]) -> None:
    anndata = pytest.importorskip("anndata")
    _, typed, told = both
    one, other = (anndata.read_h5ad(folder / place("anndata")) for folder in (typed, told))
    pd.testing.assert_frame_equal(other.obs, one.obs)
    assert list(other.uns["class_colors"]) == list(one.uns["class_colors"])
    np.testing.assert_array_equal(other.X, one.X)


def test_summaries_count_alike(both: tuple[Segmentation, Path, Path]) -> None:
    _, typed, told = both
    one, other = (json.loads((folder / place("summary")).read_text()) for folder in (typed, told))
    assert other["classes"] == one["classes"]
    assert other["notes"][-1] == FINDING.note
    assert set(other) - set(one) == {"classifier"}
    known = one["classes"][1]
    assert (known["per_mm2_low"], known["per_mm2_high"]) == pytest.approx(
        [known[end] / one["counted_mm2"] for end in ("nuclei_low", "nuclei_high")]
    )
    assert 0 < known["share_low"] < known["share"] <= known["share_high"] <= 1


def test_classes_are_counted_in_annotated_areas(both: tuple[Segmentation, Path, Path]) -> None:
    result, typed, told = both
    file = Path(MARKER) / "annotations" / "a.csv"
    one, other = (folder / file for folder in (typed, told))
    assert one.exists() == other.exists() == bool(result.info.annotations)
    if not one.exists():
        return
    before, after = (pd.read_csv(path) for path in (one, other))
    pd.testing.assert_frame_equal(after, before, atol=0.01)
    assert after[[f"count_{name}" for name in CLASSES]].to_numpy().sum() == after["nuclei"].sum()
    areas = [json.loads((folder / "summary" / "a.json").read_text())["annotations"] for folder in (typed, told)]
    assert areas[0] == areas[1]


def test_areas_with_areas_inside_say_nothing_of_classes(both: tuple[Segmentation, Path, Path]) -> None:
    """The table names the smallest area alone, so what lies in both is not known of the larger one."""
    result, _, folder = both
    if not result.info.annotations:
        pytest.skip("areas alone")
    table = pd.read_csv(folder / place("csv"))
    held = ImageResult(folder, Record(Row("a", "a.png", width=90, height=60, mpp=0.25)))
    ids, places = table["id"].to_numpy(), table[["x_px", "y_px"]].to_numpy()
    told = Told(held, None, ids, places, np.zeros(len(ids), int), np.ones((len(ids), 1)), ("x",), {})
    counts = count_in_areas(told)
    assert counts == {"left, half": {"x": len(table)}}
    assert classes_of(told, counts, "left, half", len(table)) == {"x": len(table)}
    assert classes_of(told, counts, "left, half", len(table) + 1) == {}
    assert classes_of(told, counts, "empty", 0) == {"x": 0}


def test_spatialdata_has_classes(tmp_path: Path) -> None:
    reader = pytest.importorskip("spatialdata", reason="needs nuseg[spatialdata]")
    model = Model(CONFIG, Path())
    typed = Segmenter(model, class_network)(picture(), 0.25)
    plain = Segmenter(Model(dark_model.CONFIG, Path()), dark_model.dark_network)(picture(), 0.25)
    typed.save(tmp_path / "typed", ["spatialdata"], "a")
    plain.save(tmp_path / "plain", ["spatialdata", "csv", "geojson"], "a")
    records = Records(tmp_path / "plain")
    records.begin()
    records.keep(Record(result_row("a", "a.png", plain, "s")))
    ((result,), _) = image_results(tmp_path / "plain")
    nuclei = typed.nuclei
    probabilities = nuclei[[probability_column(name) for name in CLASSES]].to_numpy()
    places = nuclei[["x_px", "y_px"]].to_numpy()
    classes = most_probable(probabilities)
    write_all(
        Told(result, None, nuclei["id"].to_numpy(), places, classes, probabilities, CLASSES, {}), tmp_path / "told"
    )
    one, other = (reader.read_zarr(tmp_path / name / place("spatialdata")) for name in ("typed", "told"))
    pd.testing.assert_frame_equal(other.tables["table"].obs, one.tables["table"].obs)
    assert list(other.tables["table"].uns["class_colors"]) == list(one.tables["table"].uns["class_colors"])


@pytest.mark.parametrize("annotated", [False, True])
def test_columns_of_classes_come_where_a_model_puts_them(annotated: bool) -> None:
    before = Columns((), annotated).names
    assert with_classes(before, CLASSES) == Columns(CLASSES, annotated).names
    again = with_classes(with_classes(before, ("x", "y", "z")), CLASSES)
    assert again == Columns(CLASSES, annotated).names
    shaped = with_classes([*before, "geometry", "bbox"], CLASSES)
    assert shaped == [*Columns(CLASSES, annotated).names, "geometry", "bbox"]
    assert {CLASS, *class_columns(CLASSES)} <= set(shaped)
    assert set(AREAS) <= set(shaped) or not annotated
