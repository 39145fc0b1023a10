"""`nuseg evaluate` with datasets and predictions that cannot be used: each is named, the others are scored."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from command_line import Result, check_one_error, check_usage_error, run_cli
from damage import Damage, cut, edit, remove, replace

from annotated import write_source
from nuseg.io.image import write_png

pytestmark = pytest.mark.usefixtures("nothing_half_written")

SHAPE = (48, 56)
MPP = ["--mpp", "0.25"]


def edit_item(**changes: object) -> Damage:
    """Change keys of the first image in dataset.json."""

    def damage(root: Path) -> None:
        first, *others = json.loads((root / "dataset.json").read_text())["items"]
        edit("dataset.json", items=[first | changes, *others])(root)

    return damage


DATASETS: dict[str, tuple[Damage, str]] = {
    "cut": (cut("dataset.json"), "cannot be read"),
    "empty": (replace("dataset.json", b""), "cannot be read"),
    "no text": (replace("dataset.json", bytes(range(256))), "cannot be read"),
    "a list": (replace("dataset.json", b"[]"), "expected a JSON object, found list"),
    "newer": (edit("dataset.json", version=99), "format version 99 is unknown, this nuseg reads up to 1"),
    "no version": (edit("dataset.json", version=None), "format version None"),
    "no items": (edit("dataset.json", items=[]), "has no images"),
    "items are a number": (edit("dataset.json", items=3), "damaged"),
    "item without image": (edit_item(image=None), "damaged"),
    "unknown annotation": (edit("dataset.json", annotation="dots"), "one of instance, binary, points, not 'dots'"),
    "unknown split": (edit_item(split="exam"), "not 'exam'"),
    "implausible mpp": (edit_item(mpp=77), "make the dataset again with nuseg prepare --mpp"),
    "mpp in words": (edit_item(mpp="40x"), "'40x'"),
    "missing image": (remove("images/b.png"), "images/b.png missing"),
    "missing label": (remove("labels/b.png"), "labels/b.png missing"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_source(folder / "source", ["a", "b", "c"])
    assert run_cli("prepare", folder / "source", "-o", folder / "set", *MPP).code == 0
    return folder / "set"


@pytest.fixture
def dataset(sound: Path, tmp_path: Path) -> Path:
    """A copy of a sound dataset, to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "set"))


@pytest.fixture
def evaluate(dataset: Path, tmp_path: Path) -> Callable[..., Result]:
    return lambda *words: run_cli("evaluate", dataset, "--split", "all", "-o", tmp_path / "out", *words)


@pytest.mark.parametrize("kind", DATASETS)
def test_a_damaged_dataset(dataset: Path, evaluate: Callable[..., Result], tmp_path: Path, kind: str) -> None:
    damage, message = DATASETS[kind]
    damage(dataset)
    check_one_error(evaluate("--predictions", dataset / "labels"), dataset / "dataset.json", message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (cut("images/b.png"), "images/b.png"),
        (replace("labels/b.png", b""), "labels/b.png"),
        (lambda root: write_png(root / "labels/b.png", np.zeros((9, 9), np.uint16)), "labels/b.png"),
        (lambda root: write_png(root / "labels/b.png", np.zeros((*SHAPE, 3), np.uint8)), "labels/b.png"),
    ],
    ids=["cut image", "empty label", "small label", "coloured label"],
)
def test_one_damaged_image_of_a_dataset(
    dataset: Path,
    evaluate: Callable[..., Result],
    model_folder: Path,
    tmp_path: Path,
    damage: Damage,
    file: str,
) -> None:
    damage(dataset)
    check_one_error(evaluate("--model", model_folder, "--device", "cpu"), dataset / file)
    scores = pd.read_csv(tmp_path / "out" / "per_image.csv")
    assert scores["name"].to_list() == ["a", "c"]


def test_bad_predictions_among_good_ones(dataset: Path, evaluate: Callable[..., Result], tmp_path: Path) -> None:
    made = Path(shutil.copytree(dataset / "labels", tmp_path / "made"))
    cut("b.png")(made)
    write_png(made / "c.png", np.ones((9, 9), np.uint16))
    result = evaluate("-p", made)
    assert result.code == 1
    assert len(result.errors) == len(result.err.splitlines()) == 2
    assert str(made / "b.png") in result.errors[0]
    assert "c: truth is 56x48 but prediction is 9x9" in result.errors[1]
    assert pd.read_csv(tmp_path / "out" / "per_image.csv")["name"].to_list() == ["a"]
    assert cv2.imread(str(tmp_path / "out" / "worst-1.png")) is not None


def test_predictions_without_partner(dataset: Path, evaluate: Callable[..., Result], tmp_path: Path) -> None:
    made = Path(shutil.copytree(dataset / "labels", tmp_path / "made"))
    (made / "c.png").rename(made / "z.png")
    check_one_error(evaluate("-p", made), "no prediction for 1 image: c")
    assert pd.read_csv(tmp_path / "out" / "per_image.csv")["name"].to_list() == ["a", "b"]
    for name in "ab":
        (made / f"{name}.png").unlink()
    check_one_error(evaluate("-p", made), made, "no prediction has the name of a true label image")


@pytest.mark.parametrize("given", ["none", "set/dataset.json", "empty"])
def test_no_predictions(evaluate: Callable[..., Result], tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    check_one_error(evaluate("-p", tmp_path / given), tmp_path / given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["none", "set/dataset.json"])
def test_no_truth(dataset: Path, tmp_path: Path, given: str) -> None:
    check_one_error(run_cli("evaluate", tmp_path / given, "-p", dataset), tmp_path / given)
    check_one_error(run_cli("evaluate", tmp_path / given), tmp_path / given)


def test_scores_are_not_written_over_a_file(dataset: Path) -> None:
    for place in (dataset / "dataset.json", dataset / "dataset.json" / "below"):
        result = run_cli("evaluate", dataset, "-p", dataset, "--split", "all", "-o", place)
        check_one_error(result, place, "is a file")
        assert result.out == "", "said only after the work"


def test_evaluate_usage(evaluate: Callable[..., Result], dataset: Path) -> None:
    check_usage_error(evaluate("--splits", "test"), "No such option")
    check_usage_error(evaluate("-p", dataset, "--model", "default"), "not both")
