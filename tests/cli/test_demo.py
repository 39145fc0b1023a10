import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from typer.testing import CliRunner

import nuseg.segmentation.segmenter as segmenting
from nuseg.cli import make_app
from nuseg.io.opening import open_source
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore
from nuseg.viewer import demo
from nuseg.viewer.demo import Example, examples, run_example, write_demo_page

FILES = {"mask": "png", "labels": "tiff", "geojson": "geojson", "csv": "csv", "overlay": "png", "images": "png"}


def as_segmentation(image, labels):
    """A segmentation that no network made."""
    probability = (labels > 0).astype(np.float32)
    polygons = outlines(labels)
    nuclei = measure_nuclei(labels, image.pixels, probability, image.mpp, polygons)
    height, width = labels.shape
    info = ResultInfo("image", image.path, "image", width, height, image.mpp, image.mpp_source, "fake")
    return Segmentation(info, MemoryStore([NucleiBatch(nuclei, polygons)]), open_source(image))


def two_squares(image):
    labels = np.zeros(image.pixels.shape[:2], np.int32)
    labels[2:8, 2:8] = 1
    labels[10:18, 10:18] = 2
    return as_segmentation(image, labels)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(segmenting, "segment", two_squares)
    monkeypatch.setattr(demo, "FIELD_SIZE", 128)
    return lambda *words: CliRunner().invoke(make_app(), ["demo", *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def shown():
    """The two images of the demo, at their full size."""
    return examples()


def test_the_tissue_image_comes_with_scikit_image(shown):
    tissue = shown[0]
    assert tissue.pixels.shape == (512, 512, 3)
    assert tissue.pixels.dtype == np.uint8
    assert tissue.truth is None
    assert "Not H&E" in tissue.note


def test_generated_field_has_truth(shown):
    field = shown[1]
    assert field.truth is not None
    assert field.truth.max() > 50
    assert field.pixels.shape[:2] == field.truth.shape


def test_perfect_result_scores_one(shown, tmp_path):
    example = shown[1]
    outcome = run_example(example, lambda image: as_segmentation(image, example.truth), tmp_path)
    assert (outcome.scores["dice"], outcome.scores["aji"], outcome.scores["pq"]) == (1, 1, 1)
    page = write_demo_page([outcome], tmp_path)
    html = page.read_text(encoding="utf-8")
    assert html.count("<dd>1.000</dd>") == 4
    assert f"<dd>{example.truth.max()}</dd>" in html


def test_no_nucleus_found(tmp_path):
    example = Example("empty", "Empty", "", np.full((40, 50, 3), 240, np.uint8), 0.25, np.zeros((40, 50), np.int32))
    outcome = run_example(example, lambda image: as_segmentation(image, example.truth), tmp_path)
    assert "No nuclei" in write_demo_page([outcome], tmp_path).read_text(encoding="utf-8")


def test_command_writes_everything_and_says_where(run, tmp_path):
    result = run("-o", str(tmp_path / "out"))
    assert result.exit_code == 0
    for name in ("tissue", "generated"):
        for folder, suffix in FILES.items():
            assert (tmp_path / "out" / folder / f"{name}.{suffix}").is_file()
    page = tmp_path / "out" / "index.html"
    # Even a long path is on one line: it can be copied.
    assert f"page: {page}" in result.output.splitlines()
    for word in ("tissue", "generated", "512x512", "128x128", "Dice", "AJI", "PQ", "0.25", "0.5"):
        assert word in result.output
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 5  # two images, one overlay and two
    assert "http" not in html


def test_numbers_of_table_page_and_files_agree(shown, run, tmp_path):
    run("-o", str(tmp_path))
    assert len(pd.read_csv(tmp_path / "csv" / "tissue.csv")) == 2
    density = 2 / (512 * 512 * demo.TISSUE_MPP**2 / 1e6)
    assert f"<dd>{density:,.0f}</dd>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    truth = tifffile.imread(tmp_path / "truth" / "generated.tiff")
    assert f"<dd>{truth.max()}</dd>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    tissue = cv2.cvtColor(cv2.imread(str(tmp_path / "images" / "tissue.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(tissue, shown[0].pixels)


def test_browser_only_on_request(run, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    run("-o", str(tmp_path))
    assert opened == []
    run("-o", str(tmp_path), "--open")
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_says_so_where_there_is_no_browser(run, tmp_path, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    result = run("-o", str(tmp_path), "--open")
    assert result.exit_code == 0
    assert "no browser" in result.output
