"""Corrections made in the viewer, read by `nuseg prepare` and `nuseg convert`, and learned from."""

import json
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from command_line import Result, run_cli
from shapely.geometry import shape

from correcting import Page, square
from dark_model import save_trainable_model
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png
from nuseg.io.opening import open_source
from slide_files import save_pyramid

MPP, SIDE = 0.5, 240
BOXES = [(20, 20), (320, 20), (20, 320)]
TINY = {"epochs": 1, "steps": 2, "batch": 1, "window": 64, "workers": 0}


def checked(result: Result) -> Result:
    assert result.code == 0, result.output
    return result


def outlines(results: Path) -> list[shapely.Geometry]:
    content = json.loads((results / "geojson" / "case7.geojson").read_text())
    return [shape(feature["geometry"]) for feature in content["features"]]


def inside(results: Path, corner: tuple[int, int]) -> list[int]:
    """Places of nuclei that lie wholly in a region."""
    box = shapely.box(*corner, corner[0] + SIDE, corner[1] + SIDE)
    return [place for place, nucleus in enumerate(outlines(results)) if box.contains(nucleus)]


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide and its results."""
    folder = tmp_path_factory.mktemp("learning")
    (folder / "slides").mkdir()
    pixels = synthetic_field(600, 600, seed=3, mpp=MPP)[0]
    save_pyramid(folder / "slides" / "case7.tiff", pixels, mpp=MPP, compression="zlib")
    checked(run_cli("segment", folder / "slides" / "case7.tiff", "-o", folder / "results", "--model", "fast"))
    return folder


@pytest.fixture(scope="module")
def corrected(segmented: Path) -> dict[str, Any]:
    """Corrections in three finished regions, and what was done."""
    page, results = Page(segmented / "results", model="fast"), segmented / "results"
    places = [place for corner in BOXES for place in inside(results, corner)[:4]]
    deleted, redrawn, judged, named = (places[start::4] for start in range(4))
    page.correct("delete", nuclei=deleted)
    for place in redrawn:
        smaller = outlines(results)[place].buffer(-1)
        page.correct("redraw", nucleus=place, polygon=shapely.get_coordinates(smaller).tolist())
    page.correct("reject", nuclei=judged)
    page.correct("class", nuclei=named, **{"class": "tumour"})
    page.correct("draw", polygon=square(30, 30, 9))
    for x, y in BOXES:
        page.correct("finish", polygon=square(x, y, SIDE))
    page.correct("delete", nuclei=[inside(results, (330, 330))[-1]])  # in no finished region
    return {"page": page, "deleted": deleted, "redrawn": redrawn, "judged": judged, "named": named}


def test_finished_regions_become_images(segmented: Path, corrected: dict[str, Any], tmp_path: Path) -> None:
    said = checked(run_cli("prepare", segmented / "results", "-o", tmp_path / "set", "--group", "(.+)")).out
    assert "layout: 3 finished regions of" in said
    assert "6 deleted, 1 added, 3 redrawn, 3 with another class" in said
    dataset = Dataset.load(tmp_path / "set")
    assert [item.name for item in dataset.items] == ["case7_20_20", "case7_20_320", "case7_320_20"]
    assert [len(dataset.split(split)) for split in ("train", "validation", "test")] == [1, 1, 1]
    assert dataset.classes == ("tumour",)
    record = json.loads((tmp_path / "set" / "dataset.json").read_text())["corrections"]
    assert record["deleted"] == len(corrected["deleted"]) + len(corrected["judged"])
    first = next(item for item in dataset.items if item.name == "case7_20_20")
    pixels, labels = load_item(first)
    with open_source(segmented / "slides" / "case7.tiff") as slide:
        np.testing.assert_array_equal(pixels, slide.read(0, 20, 20, SIDE, SIDE))
    assert np.unique(labels[11:18, 11:18]).size == 1  # the nucleus that was drawn
    assert labels[11, 11] != 0
    gone = outlines(segmented / "results")[corrected["deleted"][0]].centroid
    assert labels[int(gone.y) - 20, int(gone.x) - 20] == 0


def test_results_stay_what_they_were(segmented: Path, corrected: dict[str, Any], tmp_path: Path) -> None:
    """Other commands read the results, as long as nobody names their corrections."""
    results = segmented / "results"
    checked(run_cli("convert", results, "-o", tmp_path / "as-found.geojson", "--to", "geojson"))
    checked(run_cli("convert", results / "corrections", "-o", tmp_path / "corrected.geojson", "--to", "geojson"))
    found, now = (json.loads((tmp_path / f"{name}.geojson").read_text()) for name in ("as-found", "corrected"))
    assert len(found["features"]) == len(outlines(results))
    assert len(now["features"]) == len(outlines(results)) - 3 - 3 - 1 + 1


def test_the_download_is_what_prepare_reads(segmented: Path, corrected: dict[str, Any], tmp_path: Path) -> None:
    """The GeoJSON for QuPath holds the regions, and gives the same dataset by the loop with QuPath."""
    page = corrected["page"]
    answer = page.client.get(f"{page.place}.geojson")
    assert 'filename="case7.geojson"' in answer.headers["content-disposition"]
    (tmp_path / "corrected").mkdir()
    (tmp_path / "corrected" / "case7.geojson").write_bytes(answer.content)
    words = ["prepare", segmented / "slides", "--labels", tmp_path / "corrected", "-o", tmp_path / "set"]
    words += ["--regions", "auto", "--compared-with", segmented / "results", "--split", "1,0,0"]
    said = checked(run_cli(*words)).out
    assert "6 deleted, 1 added, 3 redrawn, 3 with another class" in said
    checked(run_cli("prepare", segmented / "results", "-o", tmp_path / "own", "--split", "1,0,0"))
    for one, other in zip(Dataset.load(tmp_path / "set").items, Dataset.load(tmp_path / "own").items, strict=True):
        assert one.name == other.name
        assert np.array_equal(load_item(one)[1] > 0, load_item(other)[1] > 0)


def test_images_that_were_moved(segmented: Path, corrected: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(segmented / "results", tmp_path / "results")
    record = tmp_path / "results" / ".nuseg" / "images" / "case7.json"
    record.write_text(record.read_text().replace(str(segmented), "/nowhere"))
    words = ["prepare", tmp_path / "results", "-o", tmp_path / "set", "--split", "1,0,0"]
    result = run_cli(*words)
    assert result.code == 1
    assert "the image of case7 is not where it was segmented" in result.errors[0]
    assert "--images" in result.errors[0]
    checked(run_cli(*words, "--images", segmented / "slides"))
    assert len(Dataset.load(tmp_path / "set").items) == 3


def test_another_segmentation_is_noticed(segmented: Path, corrected: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(segmented / "results" / "corrections", tmp_path / "results" / "corrections")
    slide = segmented / "slides" / "case7.tiff"
    checked(run_cli("segment", slide, "-o", tmp_path / "results", "--model", "fast", "--mpp", "0.4"))
    result = run_cli("prepare", tmp_path / "results", "-o", tmp_path / "set")
    assert result.code == 1
    assert "was segmented anew since these corrections were begun" in result.errors[0]
    answer = Page(tmp_path / "results")
    assert "was segmented anew" in answer.client.get(answer.place).json()["error"]


def test_regions_have_the_resolution_that_nuclei_were_found_at(tmp_path: Path) -> None:
    """The image states none: it was given for the segmentation, and nobody is asked again."""
    write_png(tmp_path / "case.png", synthetic_field(200, 200, seed=3, mpp=MPP)[0])
    checked(run_cli("segment", tmp_path / "case.png", "-o", tmp_path / "out", "--model", "fast", "--mpp", MPP))
    Page(tmp_path / "out").correct("finish", polygon=square(0, 0, 150))
    said = checked(run_cli("prepare", tmp_path / "out", "-o", tmp_path / "set", "--split", "1,0,0"))
    assert [item.mpp for item in Dataset.load(tmp_path / "set").items] == [MPP]
    assert "assumed" not in said.output
    checked(run_cli("prepare", tmp_path / "out", "-o", tmp_path / "other", "--split", "1,0,0", "--mpp", "0.4"))
    assert [item.mpp for item in Dataset.load(tmp_path / "other").items] == [0.4]


def test_without_a_finished_region(segmented: Path, tmp_path: Path) -> None:
    shutil.copytree(segmented / "results", tmp_path / "results", ignore=shutil.ignore_patterns("corrections"))
    result = run_cli("prepare", tmp_path / "results", "-o", tmp_path / "set")
    assert result.code == 1
    assert "correct these results in nuseg view" in result.errors[0]
    Page(tmp_path / "results").correct("delete", nuclei=[0])
    result = run_cli("prepare", tmp_path / "results", "-o", tmp_path / "set")
    assert result.code == 1
    assert "no finished region in 1 corrected image" in result.errors[0]


def until_ended(page: Page) -> dict[str, Any]:
    for _ in range(1200):
        told: dict[str, Any] = page.client.get("/api/training").json()
        if told["state"] != "running":
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_train_on_corrections(segmented: Path, corrected: dict[str, Any]) -> None:
    page = Page(segmented / "results", model=str(save_trainable_model(segmented / "small", MPP).path))
    offered = page.client.get("/api/training").json()
    assert (offered["state"], offered["regions"], len(offered["commands"])) == ("none", 3, 4)
    assert page.client.post("/api/training", json=TINY).json()["state"] == "running"
    assert page.client.post("/api/training/stop", json={}).status_code == 200
    assert until_ended(page)["state"] == "stopped"
    answer = page.client.post("/api/training", json=TINY)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "running"
    assert page.client.post("/api/training", json=TINY).json()["error"].endswith("wait for its end")
    assert "no new model" in page.client.post("/api/training/use", json={}).json()["error"]
    told = until_ended(page)
    assert (told["state"], told["step"]) == ("done", "done"), told
    assert (told["epoch"], told["epochs"], told["regions"]) == (1, 1, 3)
    assert len(told["curves"]["loss"]) == len(told["curves"]["aji"]) == 1
    compared = told["compared"]
    assert compared["regions"] == 1
    assert compared["old"]["aji"] > 0.2
    assert compared["verdict"].endswith("finish more regions")
    # The held-out region is that of the split "test", which no training step and no choice has seen.
    dataset = Dataset.load(segmented / "results" / "learning" / "2" / "dataset")
    scored = (segmented / "results" / "learning" / "2" / "new" / "per_image.csv").read_text()
    assert dataset.split("test")[0].name in scored
    assert page.client.post("/api/training/use", json={}).json()["used"]
    assert str(page.shelf.model) == told["model"] == str(segmented / "results" / "learning" / "2" / "run")
    assert [shlex.split(line)[:2] for line in told["commands"]] == [
        ["nuseg", "prepare"],
        ["nuseg", "train"],
        ["nuseg", "evaluate"],
        ["nuseg", "evaluate"],
    ]
    scores = shlex.split(told["commands"][3])[2:-1]
    again = segmented / "again"
    checked(run_cli("evaluate", *scores, again))
    assert (again / "per_image.csv").read_text() == scored
