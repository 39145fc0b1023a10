"""The QuPath loop with files: segment a slide, correct the GeoJSON, prepare, train on it, evaluate."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from command_line import Result, run_cli

from nuseg.datasets.dataset import Dataset, load_ignore, load_item, load_table
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.opening import open_source
from qupath_edits import Edits, correct
from slide_files import save_pyramid

MPP = 0.5
BOXES = [shapely.box(x + 0.3, y + 0.4, x + 260.3, y + 250.4) for y in (20, 300) for x in (20, 300)]
TRIANGLE = shapely.Polygon([(590, 20), (880, 20), (590, 540)])
TINY = ("optimiser.epochs=1", "optimiser.steps=2", "data.batch=2", "data.workers=0", "data.window=128")


def checked(result: Result) -> Result:
    assert result.code == 0, result.output
    return result


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a slide and its results."""
    folder = tmp_path_factory.mktemp("loop")
    (folder / "slides").mkdir()
    pixels = synthetic_field(600, 900, seed=3, mpp=MPP)[0]
    save_pyramid(folder / "slides" / "case7.tiff", pixels, mpp=MPP, compression="zlib")
    checked(run_cli("segment", folder / "slides" / "case7.tiff", "-o", folder / "results", "--model", "fast"))
    return folder


def test_the_loop(slides: Path, tmp_path: Path) -> None:
    edits = Edits(deleted=3, redrawn=4, added=2)
    corrected = tmp_path / "corrected"
    counts = correct(slides / "results/geojson/case7.geojson", corrected / "case7.geojson", {None: BOXES}, edits)
    words = ["prepare", slides / "slides", "--labels", corrected, "-o", tmp_path / "set", "--regions", "auto"]
    words += ["--compared-with", slides / "results", "--group", r"_(\d+_\d+)$", "--split", "0.5,0.25,0.25"]
    said = checked(run_cli(*words)).out
    report = f"of {counts['before']} nuclei 12 deleted, 8 added, 16 redrawn"
    assert f"corrections: {report}" in said
    dataset = Dataset.load(tmp_path / "set")
    assert [item.name for item in dataset.items] == [f"case7_{x}_{y}" for x in (20, 300) for y in (20, 300)]
    assert [len(dataset.split(split)) for split in ("train", "validation", "test")] == [2, 1, 1]
    # What overlaps an earlier nucleus may hide it wholly; small ones may hold the centre of no pixel.
    assert sum(item.nuclei for item in dataset.items) == pytest.approx(counts["before"] - 12 + 8, abs=2)
    record = json.loads((tmp_path / "set" / "dataset.json").read_text())["corrections"]
    assert (record["compared_with"], record["deleted"], record["images"]["case7"]["added"]) == ("results", 12, 8)
    with open_source(slides / "slides" / "case7.tiff") as slide:
        np.testing.assert_array_equal(load_item(dataset.items[0])[0], slide.read(0, 20, 20, 260, 250))

    settings = [word for setting in ("network.init=fast", *TINY) for word in ("--set", setting)]
    checked(run_cli("train", tmp_path / "set", "-o", tmp_path / "run", *settings))
    for model in ("fast", tmp_path / "run"):
        scores = tmp_path / "scores"
        checked(run_cli("evaluate", tmp_path / "set", "--model", model, "--split", "all", "-o", scores))
        table = pd.read_csv(scores / "per_image.csv")
        assert sorted(table["name"]) == sorted(item.name for item in dataset.items)
        assert table["dice"].between(0.3, 1).all()


def test_a_region_that_is_no_rectangle(slides: Path, tmp_path: Path) -> None:
    """Outside of it nothing is known; inside, nuclei are those of the results but for the corrections."""
    corrected = tmp_path / "corrected" / "case7.geojson"
    regions: dict[str | None, list[shapely.Geometry]] = {"Region*": [TRIANGLE]}
    counts = correct(slides / "results/geojson/case7.geojson", corrected, regions, Edits(2, 0, 1))
    words = ["prepare", slides / "slides", "--labels", corrected.parent, "-o", tmp_path / "set"]
    words += ["--region-class", "Region*", "--compared-with", slides / "results", "--split", "1,0,0"]
    said = checked(run_cli(*words)).out
    assert f"corrections: of {counts['before']} nuclei 2 deleted, 1 added, 0 redrawn" in said
    (item,) = Dataset.load(tmp_path / "set").items
    assert (item.name, item.group) == ("case7_590_20", "case7")
    labels = load_item(item)[1]
    unknown = load_ignore(item, (labels.shape[0], labels.shape[1]))
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]] + 0.5
    outside = x / 290 + y / 520 > 1
    assert unknown[outside & (labels == 0)].all()
    assert 0 < unknown[~outside].mean() < 0.05  # what reaches in of nuclei that lie outside
    assert item.nuclei == pytest.approx(counts["before"] - 1, abs=2)
    ids = [own for own in load_table(item).ids if own is not None]
    assert len(ids) == item.nuclei == len(set(ids))


def test_regions_in_files_of_their_own(slides: Path, tmp_path: Path) -> None:
    """Regions as QuPath's GeoJSON, nuclei as nuseg's results: as if nothing had been corrected."""
    regions = tmp_path / "regions"
    empty = slides / "results/geojson/case7.geojson"
    correct(empty, tmp_path / "x" / "case7.geojson", {None: BOXES[:2]}, Edits(0, 0, 0))
    content = json.loads((tmp_path / "x" / "case7.geojson").read_text())
    content["features"] = [one for one in content["features"] if one["properties"]["objectType"] == "annotation"]
    regions.mkdir()
    (regions / "case7.geojson").write_text(json.dumps(content))
    words = ["prepare", slides / "slides", "--labels", slides / "results", "-o", tmp_path / "set", "--split", "0,0,1"]
    said = checked(run_cli(*words, "--regions", regions, "--compared-with", slides / "results")).out
    assert "format: nuseg" in said
    assert "0 deleted, 0 added, 0 redrawn" in said
    assert len(Dataset.load(tmp_path / "set").items) == 2
    result = run_cli(*words, "--regions", tmp_path / "nowhere", "--overwrite")
    assert result.code == 1
    assert result.errors[0].startswith(f"--regions {tmp_path / 'nowhere'}: no such folder")


def test_a_slide_without_regions(slides: Path, tmp_path: Path) -> None:
    words = ["prepare", slides / "slides", "--labels", slides / "results", "-o", tmp_path / "set"]
    result = run_cli(*words, "--regions", "auto")
    assert result.code == 1
    assert "no region of interest on case7.tiff" in result.errors[0]
    assert "--region-class" in result.errors[0]
    assert not (tmp_path / "set").exists()
