"""`nuseg evaluate` where nuclei are points, and where not everything is known."""

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from command_line import check_one_error, run_cli

from dark_model import save_dark_model
from nuseg.datasets.dataset import VERSION
from nuseg.io.image import write_png

run = partial(run_cli, "evaluate")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("model")).path


def squares(*corners: tuple[int, int]) -> np.ndarray:
    """60x80 label image with a nucleus of 10x10 at each corner (y, x)."""
    labels = np.zeros((60, 80), np.uint16)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + 10, x : x + 10] = number
    return labels


SHOWN = squares((5, 5), (20, 30), (40, 60))
# The first is off by 2 px (0.5 um), the second by 16 px (4 um); the third has no point, and one point has no nucleus.
POINTS = "x,y,class\n12,10,tumour\n51,25,stroma\n5,50,tumour\n"


def make_dataset(root: Path, ignore: np.ndarray | None = None, mpp: float = 0.25) -> Path:
    """One image of black squares, annotated by points."""
    write_png(root / "images" / "a.png", np.where(SHOWN[..., None] > 0, 0, 255).repeat(3, 2).astype(np.uint8))
    (root / "points").mkdir()
    (root / "points" / "a.csv").write_text(POINTS)
    item = {"name": "a", "image": "images/a.png", "label": None, "points": "points/a.csv"}
    item |= {"mpp": mpp, "split": "test", "group": "a", "nuclei": 3}
    if ignore is not None:
        write_png(root / "ignore" / "a.png", ignore.astype(np.uint8) * 255)
        item["ignore"] = "ignore/a.png"
    facts = {"version": VERSION, "name": "dots", "annotation": "points", "licence": "CC0", "source": "drawn"}
    record = {**facts, "classes": ["stroma", "tumour"], "fingerprint": "f", "items": [item]}
    (root / "dataset.json").write_text(json.dumps(record))
    return root


def scores_of(out: Path) -> pd.Series:
    return pd.read_csv(out / "per_image.csv").set_index("name").loc["a"]


def test_a_model_on_points(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    result = run(make_dataset(tmp_path / "d"), "--model", model, "-o", out, "--threads", 1)
    assert result.code == 0, result.output
    for words in (
        "detection F1",
        "of each class, the nuclei of all images taken together",
        "note: detection: a nucleus within 3 um of the annotated one, one to one",
        "scores of outlines left out: the annotation is points",
        "worst: a (detection F1 0.333)",
    ):
        assert words in result.out
    assert "AJI" not in result.out
    assert "│ tumour │    2 │ 0.500 │" in result.out  # annotated, found
    scores = scores_of(out)
    assert (scores["detected"], scores["true_count"], scores["pred_count"], scores["count_error"]) == (1, 3, 3, 0)
    assert (scores["detection_recall:tumour"], scores["detection_recall:stroma"]) == (0.5, 0)
    assert not any(name.startswith("class_") for name in scores.index)  # the model tells no classes
    record = json.loads((out / "scores.json").read_text())
    assert record["radius_um"] == 3
    assert record["scores"]["detection_f1"]["pooled"] == pytest.approx(1 / 3)
    assert sorted(file.name for file in out.iterdir()) == [
        "index.html",
        "per_image.csv",
        "scores.json",
        "summary.csv",
        "worst-1.png",
    ]
    picture = cv2.imread(str(out / "worst-1.png"))
    assert (picture == (0, 255, 0)).all(axis=2).any()


def test_the_radius_is_in_um(tmp_path: Path, model: Path) -> None:
    for mpp, radius, detected in ((0.25, 4.1, 2), (0.25, 3.9, 1), (0.5, 3.9, 1), (0.5, 8.1, 2), (0.5, 0.9, 0)):
        folder = tmp_path / f"{mpp}-{radius}"
        data = make_dataset(folder / "d", mpp=mpp)
        # At another resolution the tiny model's own nuclei would differ: so predictions are given.
        write_png(folder / "p" / "a.png", SHOWN)
        result = run(data, "-p", folder / "p", "--radius", radius, "-o", folder / "out")
        assert result.code == 0, result.output
        assert scores_of(folder / "out")["detected"] == detected


def test_ignored_areas_are_not_scored(tmp_path: Path, model: Path) -> None:
    ignore = np.zeros(SHOWN.shape, bool)
    ignore[35:] = True  # the nucleus that is not annotated, and the point where none is
    result = run(make_dataset(tmp_path / "d", ignore), "--model", model, "--radius", 5, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    assert "note: ignored areas in 1 image, 42 % of all pixels on average: not scored" in result.out
    scores = scores_of(tmp_path / "out")
    assert (scores["true_count"], scores["pred_count"], scores["detection_f1"]) == (2, 2, 1)
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert record["ignored"] == {"a": pytest.approx(25 / 60, abs=1e-4)}


def test_folders_of_points(tmp_path: Path) -> None:
    true, pred = tmp_path / "t" / "a.csv", tmp_path / "p" / "a.csv"
    for path, text in ((true, POINTS), (pred, "x,y,class\n10,10,tumour\n50,25,tumour\n60,60,stroma\n")):
        path.parent.mkdir()
        path.write_text(text)
    result = run(true.parent, "-p", pred.parent, "--mpp", 0.25, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    scores = scores_of(tmp_path / "out")
    assert (scores["detected"], scores["class_f1:tumour"], scores["class_f1:stroma"]) == (2, 0.5, 0)
    assert "│ tumour │    2 │         2 │ 0.500 │ 0.500 │    0.667 │ 0.400 │" in result.out
    check_one_error(run(true.parent, "-p", pred.parent), "a.csv: points, of an image of unknown resolution")


@pytest.mark.parametrize("suffix", ["png", "geojson"])
def test_predicted_outlines_against_a_folder_of_points(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.csv").write_text(POINTS)
    predicted = tmp_path / "png" / "a.png"
    write_png(predicted, SHOWN)
    assert run_cli("convert", predicted, "-o", tmp_path / "geojson" / "a.geojson", "--to", "geojson").code == 0
    result = run(tmp_path / "t", "-p", tmp_path / suffix, "--mpp", 0.25, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    assert scores_of(tmp_path / "out")["detected"] == 1


def test_predicted_points_do_not_fit_outlines(tmp_path: Path) -> None:
    write_png(tmp_path / "t" / "a.png", SHOWN)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.csv").write_text(POINTS)
    check_one_error(run(tmp_path / "t", "-p", tmp_path / "p"), "a.csv: points, but the truth has outlines")


def test_detection_is_scored_beside_outlines(tmp_path: Path) -> None:
    write_png(tmp_path / "t" / "a.png", SHOWN)
    write_png(tmp_path / "p" / "a.png", squares((5, 5), (20, 36), (40, 40)))  # at its place, off by 1.5 um, by 5 um
    result = run(tmp_path / "t", "-p", tmp_path / "p", "--mpp", 0.25, "-o", tmp_path / "out")
    scores = scores_of(tmp_path / "out")
    assert (scores["detected"], scores["matched"]) == (2, 1)
    assert "detection F1" in result.out
    without = run(tmp_path / "t", "-p", tmp_path / "p")
    assert "detection" not in without.out  # the resolution is not known
    assert "AJI" in without.out


def test_ignored_areas_of_label_images(tmp_path: Path, model: Path) -> None:
    data = make_dataset(tmp_path / "d")
    record = json.loads((data / "dataset.json").read_text())
    write_png(data / "labels" / "a.png", squares((5, 5), (20, 30), (45, 2)))  # the last is not there, another not drawn
    ignore = np.zeros(SHOWN.shape, np.uint8)
    ignore[35:] = 255
    write_png(data / "ignore" / "a.png", ignore)
    record["items"][0] |= {"label": "labels/a.png", "ignore": "ignore/a.png"}
    (data / "dataset.json").write_text(json.dumps({**record, "annotation": "instance"}))
    result = run(data, "--model", model, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    scores = scores_of(tmp_path / "out")
    assert (scores["true_count"], scores["pred_count"], scores["aji"], scores["dice"]) == (2, 2, 1, 1)
    assert cv2.imread(str(tmp_path / "out" / "worst-1.png")) is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--radius", 0), "--radius is 0, expected a distance above 0, in um"),
        (("--mpp", 0.5), "states the resolution of its images; leave --mpp out"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, model: Path, words: tuple, message: str) -> None:
    check_one_error(run(make_dataset(tmp_path / "d"), "--model", model, *words), message)


def test_crowds_of_coco_are_ignored(tmp_path: Path) -> None:
    """A crowd region holds nuclei that nobody drew."""

    def entry(number: int, crowd: int, x: int, y: int, width: int, height: int) -> dict:
        ring = [x, y, x + width, y, x + width, y + height, x, y + height]
        counts = [x * 60 + y, *[height, 60 - height] * (width - 1), height]  # column by column
        shape = {"size": [60, 80], "counts": [*counts, 4800 - sum(counts)]} if crowd else [ring]
        return {"id": number, "image_id": 1, "category_id": 1, "iscrowd": crowd, "segmentation": shape, "area": 1}

    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "nucleus"}],
        "annotations": [entry(1, 0, 5, 5, 10, 10), entry(2, 1, 25, 15, 55, 45)],
    }
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.json").write_text(json.dumps(coco))
    write_png(tmp_path / "p" / "a.png", SHOWN)
    result = run(tmp_path / "t" / "a.json", "-p", tmp_path / "p", "-o", tmp_path / "out")
    assert result.code == 0, result.output
    scores = scores_of(tmp_path / "out")
    assert (scores["true_count"], scores["pred_count"], scores["f1"]) == (1, 1, 1)
    assert "ignored areas in 1 image" in result.out
