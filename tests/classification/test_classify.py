"""Classes learned from marks and told of results, in every file that results have."""

import gzip
import json
import shutil
from pathlib import Path

import anndata
import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

import nuseg
from marked import STEP, box, feature, two_kinds, write_features, write_marks
from nuseg.classification.pictures import class_map
from nuseg.classification.run import ClassifyResult
from nuseg.io.opening import read_image
from nuseg.measure.classes import class_colours, hexadecimal
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.records import Record, Records
from nuseg.results.summary import Row
from nuseg.viewer.columns import coloured
from nuseg.viewer.reading import read_result

COLUMNS_OF_CLASSES = ["probability_long", "probability_small", "class"]


@pytest.fixture(scope="module")
def out(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("classified") / "out"


@pytest.fixture(scope="module")
def done(case: Path, out: Path) -> ClassifyResult:
    return nuseg.classify(case / "results", out, examples=case / "marked")


def true_classes(table: pd.DataFrame, seed: int) -> list[str]:
    held = {(left // STEP, top // STEP): kind for kind, left, top in two_kinds(seed)[1]}
    return [held[int(x // STEP), int(y // STEP)] for x, y in zip(table["x_px"], table["y_px"], strict=True)]


def test_classes_of_an_image_without_marks_are_told(done: ClassifyResult, out: Path) -> None:
    table = pd.read_csv(out / "csv" / "c.csv")
    assert list(table.columns) == [*COLUMNS, *COLUMNS_OF_CLASSES]
    assert (table["class"] == true_classes(table, 2)).mean() > 0.95
    np.testing.assert_allclose(table[COLUMNS_OF_CLASSES[:2]].sum(axis=1), 1, atol=2e-4)
    assert done.scores.macro_f1 > 0.9
    assert done.scores.by_image


def test_everything_else_stays_as_it_was(case: Path, done: ClassifyResult, out: Path) -> None:
    before = (case / "results" / "csv" / "a.csv").read_text().splitlines()
    after = (out / "csv" / "a.csv").read_text().splitlines()
    assert [line.rsplit(",", 3)[0] for line in after] == before
    assert {path.name for path in out.iterdir()} == {path.name for path in (case / "results").iterdir()} | {
        "classes",
        "classes.csv",
        "report_classes.csv",
        "classifier.json",
        "classifier.md",
        "examples.csv",
    }
    for place in ("labels/a.tiff", "zarr/a.ome.zarr/.zattrs"):
        assert (out / place).read_bytes() == (case / "results" / place).read_bytes()


def test_all_tables_say_the_same(case: Path, done: ClassifyResult, out: Path) -> None:
    table = pd.read_csv(out / "csv" / "b.csv")
    for place in ("parquet/b.parquet", "geoparquet/b.parquet"):
        own, before = pq.read_table(out / place), pq.read_table(case / "results" / place)
        shapes = before.column_names[len(COLUMNS) :]
        assert own.column_names == [*COLUMNS, *COLUMNS_OF_CLASSES, *shapes]
        assert own.select(before.column_names).equals(before)
        assert own["class"].to_pylist() == table["class"].tolist()
        np.testing.assert_allclose(own["probability_long"].to_numpy(), table["probability_long"], atol=1e-4)
        kept = set(pq.read_metadata(case / "results" / place).metadata) - {b"ARROW:schema"}
        assert kept <= set(pq.read_metadata(out / place).metadata)
    obs = anndata.read_h5ad(out / "anndata" / "b.h5ad").obs
    assert obs["class"].tolist() == table["class"].tolist()
    np.testing.assert_allclose(obs["probability_small"], table["probability_small"], atol=1e-4)


def test_qupath_sees_classes_in_their_colours(case: Path, done: ClassifyResult, out: Path) -> None:
    table = pd.read_csv(out / "csv" / "b.csv")
    plain = json.loads((out / "geojson" / "b.geojson").read_text())
    packed = json.loads(gzip.decompress((out / "geojson" / "b.geojson.gz").read_bytes()))
    assert plain == packed
    before = json.loads((case / "results" / "geojson" / "b.geojson").read_text())
    colours = class_colours(["long", "small"])
    for own, old, row in zip(plain["features"], before["features"], table.to_dict("records"), strict=True):
        assert (own["id"], own["geometry"]) == (old["id"], old["geometry"])
        known = {"name": row["class"], "color": list(colours[row["class"]])}
        assert own["properties"]["classification"] == known
        assert own["properties"]["measurements"]["Probability long"] == pytest.approx(row["probability_long"])
        assert own["properties"]["measurements"].items() >= old["properties"]["measurements"].items()


def test_counts_and_densities_by_class(done: ClassifyResult, out: Path) -> None:
    table = pd.read_csv(out / "csv" / "a.csv")
    rows = pd.read_csv(out / "classes.csv")
    assert len(rows) == 6
    own = rows[rows["name"] == "a"].set_index("class")
    assert own["nuclei"].to_dict() == table["class"].value_counts().to_dict()
    area = pd.read_csv(out / "summary.csv").set_index("name").loc["a", "area_mm2"]
    np.testing.assert_allclose(own["nuclei_per_mm2"], own["nuclei"] / area, rtol=1e-3)
    summary = json.loads((out / "summary" / "a.json").read_text())
    assert {one["name"]: one["nuclei"] for one in summary["classes"]} == own["nuclei"].to_dict()
    assert summary["classifier"]["fingerprint"] == done.classifier.fingerprint
    rows = pd.read_csv(out / "summary.csv").set_index("name")
    assert rows.loc["a", ["count_long", "count_small"]].tolist() == own["nuclei"].tolist()
    for name in ("long", "small"):
        low, high = binomtest(int(own.loc[name, "nuclei"]), len(table)).proportion_ci(0.95, "wilson")
        assert own.loc[name, ["share_low", "share_high"]].tolist() == pytest.approx([low, high], abs=1e-5)


def test_outlines_have_the_colour_of_their_class(case: Path, done: ClassifyResult, out: Path) -> None:
    before, after = (read_image(place / "overlay" / "a.png").pixels for place in (case / "results", out))
    green = (before == (0, 255, 0)).all(axis=2)
    found = {tuple(colour) for colour in after[green].tolist()}
    assert found == set(class_colours(["long", "small"]).values())
    assert (after[~green] == before[~green]).all()
    legend = read_image(out / "classes" / "a.png").pixels
    side = after.shape[1]
    left = (legend.shape[1] - side) // 2
    assert (legend[: len(after), left : left + side] == after).all()


def test_viewer_and_report_show_the_same_colours(case: Path, done: ClassifyResult, out: Path, tmp_path: Path) -> None:
    """Also where the nucleus that comes first is not of the class that comes first."""
    expected = {name: hexadecimal(colour) for name, colour in class_colours(["long", "small"]).items()}
    for name in "abc":
        found = read_result(out, name, 0.25)
        assert {one["name"]: one["color"] for one in coloured(found.class_names)} == expected
    plain = Path(shutil.copytree(out, tmp_path / "plain"))  # no GeoParquet; a class does not occur
    shutil.rmtree(plain / "geoparquet")
    shutil.rmtree(plain / "parquet")
    for file in (plain / "csv" / "a.csv", plain / "geojson" / "a.geojson"):
        text = file.read_text().replace(",long\n", ",small\n").replace('"name":"long"', '"name":"small"')
        file.write_text(text)
    assert {one["name"]: one["color"] for one in coloured(read_result(plain, "a", 0.25).class_names)} == expected
    assert "report_classes.csv" in {path.name for path in out.iterdir()}
    assert all(colour in (out / "report.html").read_text() for colour in expected.values())
    kept = [(place / ".nuseg/report/a.close.jpg").read_bytes() for place in (case / "results", out)]
    before, after = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for one in kept)
    assert before.shape == after.shape
    green, blue = (before.astype(int) - after)[..., 1].max(), (after.astype(int) - before)[..., 2].max()
    assert (green, blue) > (100, 100)


def test_a_map_has_the_hue_of_the_classes_around() -> None:
    counts = np.zeros((2, 40, 80), int)
    counts[0, 20, 20], counts[1, 20, 60] = 1, 1
    drawn = class_map(np.full((40, 80, 3), 255, np.uint8), counts, [(255, 0, 0), (0, 0, 255)], 4.0).astype(int)
    (red, _, blue), (second_red, _, second_blue) = drawn[20, 20], drawn[20, 60]
    assert red > blue + 100
    assert second_blue > second_red + 100
    assert (drawn[0, 40] == 255).all()


def test_the_card_says_what_it_was_learned_from(done: ClassifyResult, out: Path) -> None:
    card = (out / "classifier.md").read_text()
    assert "50 marked nuclei on 2 images" in card
    assert done.classifier.fingerprint in card
    learning = done.classifier.content.learning
    assert {name: sum(counts.values()) for name, counts in learning.examples.items()} == {"a": 25, "b": 25}
    assert set(learning.files) == {"a.geojson", "b.geojson"}
    assert "scikit-learn" in learning.versions
    assert len(pd.read_csv(out / "examples.csv")) == 50


def test_a_classifier_is_used_again_to_the_same_end(
    case: Path, done: ClassifyResult, out: Path, tmp_path: Path
) -> None:
    again = nuseg.classify(case / "results", tmp_path / "again", classifier=out / "classifier.json")
    assert again.classifier.fingerprint == done.classifier.fingerprint
    for place in ("csv/c.csv", "geojson/c.geojson", "classes.csv", "classifier.json"):
        assert (tmp_path / "again" / place).read_bytes() == (out / place).read_bytes()


def test_results_that_have_classes_get_new_ones(done: ClassifyResult, out: Path, tmp_path: Path) -> None:
    nuseg.classify(out, tmp_path / "again", classifier=done.classifier)
    for place in ("csv/c.csv", "geojson/c.geojson"):
        assert (tmp_path / "again" / place).read_bytes() == (out / place).read_bytes()
    for place in ("parquet/c.parquet", "geoparquet/c.parquet"):
        assert pq.read_table(tmp_path / "again" / place).equals(pq.read_table(out / place))


def test_the_results_are_results(case: Path, done: ClassifyResult, out: Path, tmp_path: Path) -> None:
    """Other commands read them, with their classes."""
    found = nuseg.convert_annotations([out], tmp_path / "converted", "geojson")
    counts = pd.read_csv(out / "classes.csv").groupby("class")["nuclei"].sum()
    assert found.classes == counts.to_dict()


def test_without_images_pixels_are_left_out(case: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(case, tmp_path / "moved"))
    for record in (moved / "results" / ".nuseg" / "images").iterdir():
        record.write_text(record.read_text().replace(str(case), "/elsewhere"))
    found = nuseg.classify(moved / "results", tmp_path / "plain", examples=moved / "marked")
    assert not found.classifier.needs_pixels
    assert any("not at hand" in note for note in found.notes)
    assert found.scores.macro_f1 > 0.9
    with_them = nuseg.classify(moved / "results", tmp_path / "out", examples=moved / "marked", images=moved / "images")
    assert with_them.classifier.needs_pixels
    again = nuseg.classify(moved / "results", tmp_path / "again", classifier=found.classifier, pixels=False)
    assert not again.failed
    with pytest.raises(nuseg.NusegError, match=r"images="):
        nuseg.classify(moved / "results", tmp_path / "none", classifier=with_them.classifier)


def test_one_bad_image_does_not_end_the_others(case: Path, done: ClassifyResult, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(case / "results", tmp_path / "results"))
    (folder / "csv" / "b.csv").write_text("nonsense")
    said: list[str] = []
    found = nuseg.classify(folder, tmp_path / "out", classifier=done.classifier, said=said.append)
    assert len(found.failed) == 1
    assert said == [f"error: {found.failed[0]}"]
    assert "b.csv" in found.failed[0]
    assert set(found.table["name"]) == {"a", "c"}
    rows = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("name")
    assert rows["error"].notna().to_dict() == {"a": False, "b": True, "c": False}
    assert "b.csv" in (tmp_path / "out" / "report.html").read_text()


def test_names_of_classes_may_hold_anything_that_prints(case: Path, tmp_path: Path) -> None:
    names = {"small": 'a,"b" | <c>', "long": "=1+1 é"}
    marks = [
        feature(names[kind], box(left, top, 16 if kind == "long" else 6, 6)) for kind, left, top in two_kinds(0)[1]
    ]
    write_features(tmp_path / "a.geojson", marks)
    nuseg.classify(case / "results", tmp_path / "out", examples=tmp_path / "a.geojson")
    table = pd.read_csv(tmp_path / "out" / "csv" / "a.csv")
    assert set(table["class"]) == set(names.values())
    assert {f"probability_{name}" for name in names.values()} <= set(table.columns)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "one of them"),
        ({"examples": "x", "classifier": "y"}, "one of them"),
        ({"classifier": "nothing.json"}, "damaged classifier"),
        ({"examples": "nothing.geojson"}, "no file"),
    ],
)
def test_what_is_asked_wrongly_is_said(case: Path, tmp_path: Path, words: dict[str, str], message: str) -> None:
    with pytest.raises(nuseg.NusegError, match=message):
        nuseg.classify(case / "results", tmp_path / "out", **words)  # type: ignore[arg-type]


def test_the_results_themselves_are_never_written_over(case: Path) -> None:
    with pytest.raises(nuseg.NusegError, match="choose another folder"):
        nuseg.classify(case / "results", case / "results", examples=case / "marked")


def test_marks_on_no_nucleus(case: Path, tmp_path: Path) -> None:
    write_features(tmp_path / "a.geojson", [feature("x", {"type": "Point", "coordinates": [0, 0]})])
    with pytest.raises(nuseg.NusegError, match="none lies on a nucleus"):
        nuseg.classify(case / "results", tmp_path / "out", examples=tmp_path / "a.geojson")
    write_marks(tmp_path / "few", ["a"])
    content = json.loads((tmp_path / "few" / "a.geojson").read_text())
    write_features(tmp_path / "few" / "a.geojson", content["features"][:3])
    with pytest.raises(nuseg.NusegError, match="examples: expected"):
        nuseg.classify(case / "results", tmp_path / "out", examples=tmp_path / "few")


def test_a_folder_with_other_images_is_refused(case: Path, done: ClassifyResult, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(case / "results", tmp_path / "results"))
    nuseg.classify(folder, tmp_path / "out", classifier=done.classifier)
    nuseg.classify(folder, tmp_path / "out", classifier=done.classifier)  # the same images again
    (folder / ".nuseg" / "images" / "b.json").unlink()
    with pytest.raises(nuseg.NusegError, match="found those of b; choose another folder out="):
        nuseg.classify(folder, tmp_path / "out", classifier=done.classifier)


def test_images_that_failed_before_stay_in_the_summary(case: Path, done: ClassifyResult, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(case / "results", tmp_path / "results"))
    Records(folder).keep(Record(Row("d", "d.png", error="d.png: damaged")))
    found = nuseg.classify(folder, tmp_path / "out", classifier=done.classifier)
    assert not found.failed
    rows = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("name")
    assert rows["error"].dropna().to_dict() == {"d": "d.png: damaged"}


def test_a_classifier_that_looks_at_pixels_cannot_do_without(case: Path, done: ClassifyResult, tmp_path: Path) -> None:
    with pytest.raises(nuseg.NusegError, match="leave pixels= out"):
        nuseg.classify(case / "results", tmp_path / "out", classifier=done.classifier, pixels=False)
    assert not (tmp_path / "out").exists()
