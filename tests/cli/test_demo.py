"""`nuseg demo`: what it shows, what it writes, what it prints; the network is replaced, its images are real."""

from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nuseg.segmentation.segmenter as segmenting
from dark_model import CONFIG, dark_network
from nuseg.cli import make_app
from nuseg.io.opening import open_source
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.model.store import Model
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import read_region
from nuseg.segmentation.segmenter import Segmenter
from nuseg.viewer.demo import ATTRIBUTION, EXAMPLES, SAMPLES, run_example, write_demo_page

TNBC, SLIDE = EXAMPLES
IMAGE_FILES = {"mask": "png", "labels": "tiff", "geojson": "geojson", "csv": "csv", "overlay": "png", "images": "png"}
SLIDE_FILES = {
    "geojson": "geojson", "csv": "csv", "density": "png", "overview": "png", "summary": "json", "images": "tif",
}  # fmt: skip
DARK = Segmenter(Model(CONFIG, Path("nowhere")), dark_network)


def as_segmentation(path, mpp, labels):
    """A segmentation that no network made."""
    source = open_source(path)
    pixels = source.read_whole()
    polygons = outlines(labels)
    nuclei = measure_nuclei(labels, pixels, (labels > 0).astype(np.float32), mpp, polygons)
    height, width = labels.shape
    info = ResultInfo(path.stem, path, "image", width, height, mpp, "given by the user", "fake")
    return Segmentation(info, MemoryStore([NucleiBatch(nuclei, polygons)]), source)


def two_squares(path, mpp, **_options):
    """Two nuclei in an image; a slide is segmented by what is dark in a corner of it."""
    if path.suffix == ".tif":
        return DARK(path, options=SegmentOptions(region=read_region("800,1600,400,400"), tissue=False))
    labels = np.zeros((512, 512), np.int32)
    labels[2:8, 2:8] = 1
    labels[10:18, 10:18] = 2
    return as_segmentation(path, mpp, labels)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(segmenting, "segment", two_squares)
    return lambda *words: CliRunner().invoke(make_app(), ["demo", *words], catch_exceptions=False)


def test_the_samples_are_small_real_and_attributed():
    sizes = {path.name: len(path.read_bytes()) for path in files("nuseg.viewer").joinpath("samples").iterdir()}
    assert set(sizes) == {"tnbc.png", "tnbc-labels.png", "cmu-1.tif", ATTRIBUTION}
    assert sum(sizes.values()) < 3_000_000
    text = SAMPLES.joinpath(ATTRIBUTION).read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    for name in set(sizes) - {ATTRIBUTION}:
        assert name in text
    with open_source(SAMPLES / "cmu-1.tif") as slide:
        assert (slide.kind, slide.mpp) == ("slide", pytest.approx(0.499))
        assert slide.width * slide.height * 0.499**2 / 1e6 > 1, "large enough for tissue to be looked for"
        pixels = slide.thumbnail(256).reshape(-1, 3).astype(float)
    pink = pixels[pixels.min(axis=1) < 200].mean(axis=0)
    assert pink[0] > pink[2] > pink[1], "eosin and haematoxylin absorb green most, red least"
    labels = cv2.imread(str(SAMPLES / "tnbc-labels.png"), cv2.IMREAD_UNCHANGED)
    assert labels.shape == (512, 512)
    assert sorted(np.unique(labels)) == list(range(118))


def test_perfect_result_scores_one(tmp_path):
    labels = cv2.imread(str(SAMPLES / "tnbc-labels.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)
    outcome = run_example(TNBC, lambda path, mpp, quality: as_segmentation(path, mpp, labels), tmp_path)
    # An outline has no pixels that hang on by a corner, and a few nuclei were drawn with some.
    assert [outcome.scores[key] for key in ("dice", "aji", "pq")] == pytest.approx([1, 1, 1], abs=2e-4)
    html = write_demo_page([outcome], tmp_path).read_text(encoding="utf-8")
    assert html.count("<dd>1.000</dd>") >= 3
    assert "<dd>117</dd>" in html


def test_no_nucleus_found(tmp_path):
    nothing = np.zeros((512, 512), np.int32)
    outcome = run_example(TNBC, lambda path, mpp, quality: as_segmentation(path, mpp, nothing), tmp_path)
    assert "No nuclei" in write_demo_page([outcome], tmp_path).read_text(encoding="utf-8")


def test_command_writes_everything_and_says_where(run, tmp_path):
    result = run("-o", str(tmp_path / "out"))
    assert result.exit_code == 0
    for name, held in (("tnbc", IMAGE_FILES), ("cmu-1", SLIDE_FILES)):
        for folder, suffix in held.items():
            assert (tmp_path / "out" / folder / f"{name}.{suffix}").is_file(), (folder, name)
    assert (tmp_path / "out" / ATTRIBUTION).is_file()
    page = tmp_path / "out" / "index.html"
    # Even a long path is on one line: it can be copied.
    assert f"page: {page}" in result.output.splitlines()
    for word in ("tnbc", "cmu-1", "512x512", "2200x2800", "Dice", "AJI", "PQ", "0.25", "0.499"):
        assert word in result.output
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 7  # an image and two overlays, a slide and its piece with one each
    assert "http" not in html


def test_numbers_of_table_page_and_files_agree(run, tmp_path):
    run("-o", str(tmp_path))
    assert len(pd.read_csv(tmp_path / "csv" / "tnbc.csv")) == 2
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f"<dd>{2 / (512 * 512 * 0.25**2 / 1e6):,.0f}</dd>" in html
    assert f"<dd>{len(pd.read_csv(tmp_path / 'csv' / 'cmu-1.csv')):,}</dd>" in html
    for name in ("tnbc.png", "cmu-1.tif"):
        assert (tmp_path / "images" / name).read_bytes() == (SAMPLES / name).read_bytes()


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
