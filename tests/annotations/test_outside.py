"""An annotation format from another package: one module and an entry point, and nuseg prepares, scores and reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annotated import field
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.io.image import write_png

SOURCE = Path(__file__).resolve().parents[2] / "src"

MODULE = """
import json
import shapely
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff


class Boxes(AnnotationFormat):
    name = "boxes"
    help = "a JSON file with the boxes of many images"
    suffixes = (".json",)

    def sniff(self, path):
        if self.claims(path) and "boxes" in json.loads(path.read_text()):
            return Sniff(SURE, f"{path.name} has a list of boxes")

    def index(self, path):
        return list(json.loads(path.read_text())["boxes"])

    def read(self, path, image, shape):
        boxes = json.loads(path.read_text())["boxes"][image]
        polygons = tuple(shapely.box(x, y, x + width, y + height) for x, y, width, height, _ in boxes)
        return Annotation(polygons=polygons, classes=tuple(name for *_, name in boxes))


FORMAT = Boxes()
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with one that adds the format."""
    folder = tmp_path / "site"
    info = folder / "toy_boxes-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "toy_boxes.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-boxes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nuseg.annotations]\nboxes = toy_boxes:FORMAT\n")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three images, and one file that names the nuclei of all."""
    boxes: dict[str, list[list[object]]] = {}
    for seed, name in enumerate("abc"):
        pixels, labels = field(seed)
        write_png(tmp_path / "source" / "images" / f"{name}.png", pixels)
        corners = [np.argwhere(labels == number).min(axis=0).tolist() for number in (1, 2, 3)]
        boxes[f"train/{name}.png"] = [[x, y, 8, 8, "lymphocyte"] for y, x in corners]
    (tmp_path / "source" / "all.json").write_text(json.dumps({"boxes": boxes}))
    (tmp_path / "source" / "notes.json").write_text("{}")
    return tmp_path / "source"


def python(site: Path, *words: object) -> str:
    """Run a Python with nuseg and the other package; gives both streams."""
    environment = {**os.environ, "COLUMNS": "300", "PYTHONPATH": os.pathsep.join([str(SOURCE), str(site)])}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prepare_and_evaluate_one_file_for_many_images(site: Path, source: Path, tmp_path: Path) -> None:
    made = tmp_path / "set"
    said = python(site, "-m", "nuseg", "prepare", source, "--labels", "all.json", "-o", made, "--mpp", 0.5)
    assert "format: boxes, because all.json has a list of boxes (--format to change)" in said
    dataset = Dataset.load(made)
    assert [(item.name, item.nuclei) for item in dataset.items] == [("a", 3), ("b", 3), ("c", 3)]
    for seed, item in enumerate(dataset.items):
        assert np.array_equal(load_item(item)[1], field(seed)[1])

    predicted = tmp_path / "predicted"
    predicted.mkdir()
    (source / "all.json").rename(predicted / "all.json")
    python(site, "-m", "nuseg", "evaluate", made, "-p", predicted, "--split", "all", "-o", tmp_path / "scores")
    scores = pd.read_csv(tmp_path / "scores" / "per_image.csv")
    assert scores["name"].tolist() == ["a", "b", "c"]
    assert scores["aji"].tolist() == [1, 1, 1]


def test_is_found_without_being_named(site: Path, source: Path, tmp_path: Path) -> None:
    said = python(site, "-m", "nuseg", "prepare", source, "-o", tmp_path / "set", "--mpp", 0.5, "--format", "auto")
    assert "format: boxes" in said
    said = python(site, "-m", "nuseg", "prepare", "--help")
    assert "boxes: a JSON file with the boxes of many images" in " ".join(said.replace("│", " ").split())


def test_is_read_as_a_region(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "region.json"
    path.write_text(json.dumps({"boxes": {"slide.svs": [[10, 20, 5, 6, "tumour"]]}}))
    code = f"from nuseg.segmentation.region import read_region; print(read_region({str(path)!r}).area.bounds)"
    assert python(site, "-c", code).strip() == "(10.0, 20.0, 15.0, 26.0)"
