"""`nuseg evaluate` from the command line, with a tiny real model."""

import json
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from command_line import check_one_error, run_cli

from dark_model import save_dark_model
from nuseg.datasets.dataset import VERSION, Dataset, load_item
from nuseg.datasets.seen import image_code, known_images, tells_images
from nuseg.io.image import write_png
from nuseg.model.store import load_model, save_config, shipped_models

FILES = ["index.html", "per_image.csv", "scores.json", "summary.csv"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("model")).path


run = partial(run_cli, "evaluate")


def labels(*corners: tuple[int, int]) -> np.ndarray:
    """40x50 label image with a nucleus of 10x10 at each corner."""
    image = np.zeros((40, 50), np.uint16)
    for number, (y, x) in enumerate(corners, 1):
        image[y : y + 10, x : x + 10] = number
    return image


ONE, TWO = labels((5, 5)), labels((5, 5), (20, 30))


def make_dataset(root: Path, annotation: str = "instance") -> Path:
    """Nuclei are black squares; the image `missed` shows one of its two, the other images all."""
    splits = {"good": "test", "missed": "test", "trained": "train"}
    items = []
    for name, split in splits.items():
        pixels = np.full((40, 50, 3), 255, np.uint8)
        pixels[(ONE if name == "missed" else TWO) > 0] = 0
        write_png(root / "images" / f"{name}.png", pixels)
        write_png(root / "labels" / f"{name}.png", TWO)
        paths = {"image": f"images/{name}.png", "label": f"labels/{name}.png"}
        items.append({"name": name, **paths, "mpp": 0.25, "split": split, "group": name, "nuclei": 2})
    facts = {"version": VERSION, "name": "squares", "annotation": annotation, "licence": "CC0", "source": "drawn"}
    (root / "dataset.json").write_text(json.dumps({**facts, "fingerprint": "f", "items": items}))
    return root


def folder(root: Path, **images: np.ndarray) -> Path:
    for name, image in images.items():
        write_png(root / f"{name}.png", image)
    return root


def per_image(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "per_image.csv").set_index("name")


def test_two_folders(tmp_path: Path) -> None:
    true, pred = folder(tmp_path / "t", a=TWO, b=TWO), folder(tmp_path / "p", a=TWO, b_pred=ONE)
    result = run(true, "-p", pred, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    assert "AJI+" in result.output
    assert "worst: b (AJI 0.500), a (AJI 1.000)" in result.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
    assert per_image(tmp_path / "out")["count_error"].to_dict() == {"a": 0, "b": -1}
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert record["scores"]["aji"]["mean"] == pytest.approx(0.75)
    assert (record["truth"], record["predictions"]) == (str(true), str(pred))


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    true, pred = folder(tmp_path / "t", a=TWO), folder(tmp_path / "p", a=TWO)
    assert run(true, "--predictions", pred).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "t"]


def test_model_on_a_dataset(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    result = run(make_dataset(tmp_path / "d"), "--model", model, "-o", out, "--threads", 1)
    assert result.code == 0, result.output
    scores = per_image(out)
    assert scores["aji"].to_dict() == pytest.approx({"good": 1.0, "missed": 0.5})
    record = json.loads((out / "scores.json").read_text())
    assert (record["model"], record["dataset"], record["split"]) == ("dark", "squares", "test")
    assert sorted(file.name for file in out.iterdir()) == [*FILES, "worst-1.png", "worst-2.png"]
    assert cv2.imread(str(out / "worst-1.png")) is not None


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        ({"train": ["good"], "validation": ["missed"]}, ["trained on 1 of these 2 images (good)", "chosen by (epoch"]),
        ({"train": ["good", "missed"], "validation": ["good"]}, ["trained on 2 of these 2 images (good, missed)"]),
        ({"train": ["trained"], "validation": []}, []),
    ],
)
def test_images_that_the_model_knows_are_said(
    tmp_path: Path, model: Path, learned: dict[str, list[str]], words: list[str]
) -> None:
    data, out = make_dataset(tmp_path / "d"), tmp_path / "out"
    write_png(data / "images" / "trained.png", np.full((40, 50, 3), 9, np.uint8))  # as `good` else
    pixels = {item.name: load_item(item)[0] for item in Dataset.load(data).items}
    seen = {use: [image_code(pixels[name]) for name in names] for use, names in learned.items()}
    dark = load_model(shutil.copytree(model, tmp_path / "model"))
    save_config(dark.config.model_copy(update={"data": [{"name": "other", "seen": seen}]}), dark.path)
    result = run(data, "--model", dark.path, "-o", out)
    assert result.code == 0, result.output
    warnings = [line for line in result.out.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == len(words)
    assert all(word in line and "new images score lower" in line for word, line in zip(words, warnings, strict=True))
    record = json.loads((out / "scores.json").read_text())
    assert [f"warning: {note}" for note in record["notes"] if "the model was" in note] == warnings
    uses = {name: use for use in ("validation", "train") for name in learned[use] if name != "trained"}
    assert record.get("seen", {}) == uses
    if uses:
        assert per_image(out)["seen"].to_dict() == uses


def test_a_model_that_does_not_say_what_it_was_trained_on(tmp_path: Path, model: Path) -> None:
    dark = load_model(shutil.copytree(model, tmp_path / "model"))
    save_config(dark.config.model_copy(update={"data": [{"name": "old", "fingerprint": "x"}]}), dark.path)
    result = run(make_dataset(tmp_path / "d"), "--model", dark.path)
    assert "warning: model dark does not say which images it was trained on" in result.out


def test_the_shipped_models_say_which_images_they_know() -> None:
    for name in shipped_models():
        data = load_model(name).config.data
        assert tells_images(data)
        assert all(len(entry["seen"]["train"]) == entry["images"] for entry in data)
        assert {"train", "validation"} == set(known_images(data).values())


def test_images_without_nuclei_are_said(tmp_path: Path) -> None:
    empty = np.zeros((40, 50), np.uint16)
    true, pred = folder(tmp_path / "t", a=TWO, b=empty), folder(tmp_path / "p", a=TWO, b=empty)
    result = run(true, "-p", pred, "-o", tmp_path / "out")
    note = "1 image without true nuclei: scores there are 1 where nothing was found, else 0; they count in the means"
    assert f"note: {note}" in result.out
    assert note in json.loads((tmp_path / "out" / "scores.json").read_text())["notes"]


def test_other_splits(tmp_path: Path, model: Path) -> None:
    data = make_dataset(tmp_path / "d")
    run(data, "--model", model, "--split", "all", "-o", tmp_path / "all")
    assert sorted(per_image(tmp_path / "all").index) == ["good", "missed", "trained"]
    check_one_error(
        run(data, "--model", model, "--split", "validation"), "no validation images; choose others with --split"
    )


def test_predictions_of_a_dataset(tmp_path: Path) -> None:
    results = folder(tmp_path / "results" / "labels", good=TWO, missed=TWO)
    out = tmp_path / "out"
    result = run(make_dataset(tmp_path / "d"), "-p", results.parent, "-o", out)
    assert result.code == 0, result.output
    assert per_image(out)["aji"].to_list() == [1, 1]


def test_binary_dataset_gets_scores_per_pixel_and_the_reason(tmp_path: Path, model: Path) -> None:
    result = run(make_dataset(tmp_path / "d", "binary"), "--model", model, "-o", tmp_path / "out")
    assert result.code == 0, result.output
    assert "scores per nucleus left out: the annotation is a mask" in result.output
    assert "worst: missed (Dice 0.667)" in result.output
    assert list(per_image(tmp_path / "out").columns) == ["dice", "iou", "accuracy", "precision", "recall"]


def test_masks_are_taken_apart_with_a_note(tmp_path: Path) -> None:
    true = folder(tmp_path / "t", a=TWO)
    pred = folder(tmp_path / "p", a=(TWO > 0).astype(np.uint8) * 255)
    result = run(true, "-p", pred, "-o", tmp_path / "out")
    assert "note: 1 prediction with one value for all nuclei: connected components" in result.output
    assert per_image(tmp_path / "out").loc["a", "aji"] == 1


def test_a_bad_pair_is_said_and_the_others_are_scored(tmp_path: Path) -> None:
    true = folder(tmp_path / "t", a=TWO, b=TWO, c=TWO)
    pred = folder(tmp_path / "p", a=TWO, b=TWO[:30])
    (pred / "c.png").write_bytes(b"no picture")
    result = run(true, "-p", pred, "-o", tmp_path / "out")
    assert result.code == 1
    assert "error: b: truth is 50x40 but prediction is 50x30" in result.output
    assert f"error: {pred / 'c.png'}" in result.output
    assert per_image(tmp_path / "out").index.to_list() == ["a"]
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert sorted(record["errors"]) == ["b", "c"]


def test_missing_partners_are_listed(tmp_path: Path) -> None:
    true, pred = folder(tmp_path / "t", a=TWO, b=TWO, c=TWO), folder(tmp_path / "p", a=TWO, x=TWO)
    result = run(true, "-p", pred)
    assert result.code == 1
    assert "error: no prediction for 2 images: b, c" in result.output
    assert "note: no truth for x.png: left out" in result.output
    assert "AJI" in result.output


def test_surplus_predictions_are_no_error(tmp_path: Path) -> None:
    true, pred = folder(tmp_path / "t", a=TWO), folder(tmp_path / "p", a=TWO, x=TWO)
    assert run(true, "-p", pred).code == 0


def test_no_pair_can_be_scored(tmp_path: Path) -> None:
    true, pred = folder(tmp_path / "t", a=TWO), folder(tmp_path / "p", a=TWO[:30])
    result = run(true, "-p", pred, "-o", tmp_path / "out")
    assert result.code == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("t", "-p", "p", "--model", "m"), "not both"),
        (("t",), "name the --predictions"),
        (("t", "--model", "m"), "name the --predictions"),
        (("t", "-p", "p", "--split", "some"), "some"),
        ((), "Missing argument"),
    ],
    ids=["both", "neither", "model without dataset", "split", "nothing"],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str) -> None:
    folder(tmp_path / "t", a=TWO)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    result = run(*words)
    assert result.code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing", "-p", "p"), "missing: no such folder"),
        (("missing",), "missing: no such dataset folder"),
        (("t", "-p", "missing"), "missing: no such folder"),
        (("t", "-p", "t.txt"), "t.txt: no such folder"),
    ],
)
def test_paths_that_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    folder(tmp_path / "t", a=TWO)
    monkeypatch.chdir(tmp_path)
    check_one_error(run(*words), message)


def test_help_teaches() -> None:
    text = run("--help").output
    assert "nuseg evaluate mydata --model run1 -o scores" in text
    assert "95 %" in text
