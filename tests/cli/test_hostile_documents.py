"""Descriptions, tables and parts that somebody wrote to do harm: one short line that names the file, and no harm."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result, check_one_error, run_cli
from damage import Damage, replace

from annotated import write_source
from nuseg.io.image import write_png

pytestmark = pytest.mark.usefixtures("nothing_half_written")

DEEP = "[" * 50_000 + "]" * 50_000
LONG = "a" * 200_000
PATHS = ["/etc/passwd", "../../x", "C:\\x", "..\\x", "a/../../x", "", "\0", "a/" * 3_000, "a" * 300]


def set_key(name: str, key: str, text: str) -> Damage:
    """Put JSON text, which need not be valid, for the value of a key (`section.key`, `items.0.key`)."""

    def damage(folder: Path) -> None:
        tree: Any = json.loads((folder / name).read_text())
        branch = tree
        *sections, last = key.split(".")
        for section in sections:
            branch = branch[int(section)] if isinstance(branch, list) else branch.setdefault(section, {})
        branch[last] = "HERE"
        (folder / name).write_text(json.dumps(tree).replace('"HERE"', text))

    return damage


def check_short(result: Result, file: Path, *words: str) -> None:
    check_one_error(result, file, *words)
    line = result.errors[0]
    assert len(line) < len(str(file)) + 700, "too long"
    assert line.isprintable()


MODEL: dict[str, Damage] = {
    "deep scores": set_key("model.json", "scores", DEEP),
    "deep training": set_key("model.json", "training.init", '{"init":' * 5_000 + "{}" + "}" * 5_000),
    "infinite smoothing": set_key("model.json", "thresholds.smoothing", "Infinity"),
    "no number": set_key("model.json", "thresholds.mask", "NaN"),
    "too large a number": set_key("model.json", "mpp", "1e400"),
    "a million digits": set_key("model.json", "margin", "9" * 1_000_000),
    "large smoothing": set_key("model.json", "thresholds.smoothing", "1e9"),
    "large margin": set_key("model.json", "margin", "1000000000"),
    "large stride": set_key("model.json", "stride", "1000000000"),
    "many channels": set_key("model.json", "architecture.in_channels", "1000000000"),
    "wide decoder": set_key("model.json", "architecture.decoder", "[100000, 100000, 100000]"),
    "an address for an encoder": set_key("model.json", "architecture.encoder", '"tu-hf-hub:someone/something"'),
    "steep calibration": set_key("model.json", "calibration.slope", "1e300"),
    "wrong scores": set_key("model.json", "scores", '{"a": {"dice": {"mean": "much"}}}'),
    "scores without mean": set_key("model.json", "scores", '{"a": {"dice": {}}}'),
    "wrong parameters": set_key("model.json", "training.parameters", '"many"'),
    "wrong start": set_key("model.json", "training.init", "3"),
    "wrong data": set_key("model.json", "data", "[3]"),
    "maps in another order": set_key("model.json", "maps", '["distance", "mask"]'),
    "long name of a key": replace("model.json", json.dumps({"format_version": 1, LONG: 1}).encode()),
    "long version": set_key("model.json", "format_version", f'"{LONG}"'),
    "control characters": set_key("model.json", "mpp", r'"\u001b[2J\n\r\u202e"'),
    "many problems": replace(
        "model.json", json.dumps({"format_version": 1} | {str(k): 1 for k in range(9999)}).encode()
    ),
    "a checksum of many digits": set_key("model.json", "files", json.dumps({"model.onnx": LONG})),
    **{f"file {path[:12]!r}": set_key("model.json", "files", json.dumps({path: "0" * 64})) for path in PATHS},
    "a device": set_key("model.json", "files", json.dumps({"/dev/stdin": "0" * 64})),
}


@pytest.mark.parametrize("kind", MODEL)
def test_a_hostile_model(model_folder: Path, tmp_path: Path, kind: str) -> None:
    model = Path(shutil.copytree(model_folder, tmp_path / "model"))
    MODEL[kind](model)
    check_short(run_cli("models", "--card", model), model / "model.json")


def test_segment_says_so_too_and_begins_nothing(model_folder: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(model_folder, tmp_path / "model"))
    MODEL["deep scores"](model)
    write_png(tmp_path / "image.png", np.zeros((20, 20, 3), np.uint8))
    words = "segment", tmp_path / "image.png", "-o", tmp_path / "out", "--model", model, "--device", "cpu"
    check_short(run_cli(*words), model / "model.json")
    assert not (tmp_path / "out").exists()


def test_a_models_name_may_be_anything() -> None:
    for name in (LONG, "\x1b[2J", "a\0b"):
        check_one_error(run_cli("models", "--card", name), "expected a shipped model")


def test_a_card_does_nothing_to_the_terminal(model_folder: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(model_folder, tmp_path / "model"))
    (model / "CARD.md").write_bytes("# ä\n\x1b[2J\x07\n".encode())
    result = run_cli("models", "--card", model)
    assert (result.code, result.out) == (0, "# ä\n\\x1b[2J\\x07\n\n")
    (model / "CARD.md").write_bytes(b"\xff")
    check_one_error(run_cli("models", "--card", model), model / "CARD.md", "no text in UTF-8")
    with (model / "CARD.md").open("wb") as file:
        file.truncate(10**12)
    check_one_error(run_cli("models", "--card", model), model / "CARD.md", "1,000,000,000,000 bytes")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_source(folder / "source", ["a", "b", "c"])
    assert run_cli("prepare", folder / "source", "-o", folder / "set", "--mpp", "0.25").code == 0
    return folder / "set"


@pytest.fixture
def dataset(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "set"))


DATASET: dict[str, Damage] = {
    "deep group": set_key("dataset.json", "items.0.group", DEEP),
    "deep counts": set_key("dataset.json", "counts", DEEP),
    "infinite nuclei": set_key("dataset.json", "items.0.nuclei", "-Infinity"),
    "large nuclei": set_key("dataset.json", "items.0.nuclei", "1e30"),
    "nuclei below 0": set_key("dataset.json", "items.0.nuclei", "-1"),
    "no number": set_key("dataset.json", "items.0.mpp", "NaN"),
    "long split": set_key("dataset.json", "items.0.split", f'"{LONG}"'),
    "long name of an item": set_key("dataset.json", "items.0.name", f'"{LONG}"'),
    "long annotation": set_key("dataset.json", "annotation", f'"{LONG}"'),
    "long version": set_key("dataset.json", "version", f'"{LONG}"'),
    "an item that is a list": set_key("dataset.json", "items", "[[[[]]]]"),
    "items that are an object": set_key("dataset.json", "items", '{"a": 1}'),
    "half characters": set_key("dataset.json", "name", r'"\ud800"'),
    "many values": set_key("dataset.json", "counts", "[" + "0," * 2_000_000 + "0]"),
    **{f"image {path[:12]!r}": set_key("dataset.json", "items.0.image", json.dumps(path)) for path in PATHS},
    **{f"label {path[:12]!r}": set_key("dataset.json", "items.0.label", json.dumps(path)) for path in PATHS},
    **{f"name {path[:12]!r}": set_key("dataset.json", "name", json.dumps(path)) for path in PATHS},
    **{
        f"name {name!r}": set_key("dataset.json", "name", json.dumps(name))
        for name in ("..", "NUL", "a\x1b", "a/b", "C:")
    },
}


@pytest.mark.parametrize("kind", DATASET)
def test_a_hostile_dataset(dataset: Path, kind: str) -> None:
    DATASET[kind](dataset)
    check_short(run_cli("evaluate", dataset, "-p", dataset, "--split", "all"), dataset / "dataset.json")


def test_train_refuses_a_dataset_whose_name_is_a_path(dataset: Path, tmp_path: Path) -> None:
    set_key("dataset.json", "name", '"../../../away"')(dataset)
    check_short(run_cli("train", dataset, "-o", tmp_path / "run"), dataset / "dataset.json", "plain name")
    assert not (tmp_path / "run").exists()


def test_prepare_refuses_such_a_name_and_makes_a_plain_one_of_a_folders(sound: Path, tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a", "b", "c"])
    words = "prepare", source, "--mpp", "0.25", "-o"
    check_one_error(run_cli(*words, tmp_path / "x", "--name", "../away"), "--name: expected a plain name")
    assert not (tmp_path / "x").exists()
    assert run_cli(*words, tmp_path / "a\x07:b").code == 0
    assert json.loads((tmp_path / "a\x07:b" / "dataset.json").read_text())["name"] == "a__b"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("name", ["dataset.json", "images/a.png"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(dataset: Path, tmp_path: Path, name: str) -> None:
    (dataset / name).unlink()
    os.mkfifo(dataset / name)
    check_one_error(run_cli("train", dataset, "-o", tmp_path / "run"), dataset)


HEADING = "name,image,width,height,mpp,mpp_source,nuclei,nuclei_low,nuclei_high,nuclei_per_mm2,area_mm2,mean_area_um2,"
HEADING += "mask_fraction,damaged_tiles,seconds,model,settings,warning,error\n"
GOOD = "a,/x/a.png,10,10,0.25,given,3,2,4,5.0,0.1,3.0,0.2,,1.0,fast,abcd1234,,\n"
TABLES: dict[str, str] = {
    "a number in words": HEADING + GOOD.replace(",10,10", ",ten,10"),
    "a long text for a number": HEADING + GOOD.replace(",10,10", f",{'9' * 100_000},10"),
    "an infinite number": HEADING + GOOD.replace("0.25", "inf"),
    "half a nucleus": HEADING + GOOD.replace(",3,2,4", ",3.5,2,4"),
    "nuclei below 0": HEADING + GOOD.replace(",3,2,4", ",-3,2,4"),
    "a short row": HEADING + "a,b\n",
    "a long row": HEADING + GOOD.strip() + ",more\n",
    "other columns": "x,y\n1,2\n",
    "an open quotation": HEADING + '"' + GOOD,
    "a long field": HEADING + GOOD.replace("/x/a.png", LONG),
    "zero bytes": HEADING + "\0" * 50 + GOOD,
    "a column twice": HEADING.replace("width", "height") + GOOD,
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_hostile_summary(model_folder: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.csv").write_text(TABLES[kind])
    write_png(tmp_path / "image.png", np.zeros((20, 20, 3), np.uint8))
    result = run_cli("segment", tmp_path / "image.png", "-o", out, "--model", model_folder, "--device", "cpu")
    check_short(result, out / "summary.csv", "expected a summary")
    assert (out / "summary.csv").read_text() == TABLES[kind]
    assert [path.name for path in out.iterdir()] == ["summary.csv"]


def packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("a.npy", bytes(1_000_000))


def of_objects(path: Path) -> None:
    np.savez(path, a=np.array([{}, []], object))


def lying(path: Path) -> None:
    np.savez(path, a=np.zeros(3))
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"'shape': (3,), ", b"'shape': (9**9,)"[:15]))


@pytest.mark.parametrize(
    "write",
    [
        packed,
        of_objects,
        lying,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18)),
    ],
    ids=["packed", "objects", "lying", "empty", "no parts"],
)
def test_a_hostile_part_of_an_unfinished_slide(tmp_path: Path, write: Callable[[Path], object]) -> None:
    from nuseg.errors import NusegError
    from nuseg.segmentation.checkpoint import FolderCheckpoint

    checkpoint = FolderCheckpoint(tmp_path / "a.partial", {})
    path = checkpoint.path("tile", 3)
    write(path)
    (path.parent / "tile-three.npz").write_bytes(b"")
    assert checkpoint.numbers("tile") == [3]
    with pytest.raises(NusegError) as caught:
        checkpoint.load("tile", 3, ["a"])
    assert str(caught.value).startswith(f"{path}: damaged (")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("content", [b"\xff", b"[" * 10**6, b""], ids=["no text", "deep", "empty"])
def test_hostile_settings_of_an_unfinished_slide_are_another_ones(tmp_path: Path, content: bytes) -> None:
    from nuseg.segmentation.checkpoint import FolderCheckpoint

    FolderCheckpoint(tmp_path, {"a": 1}).save("tile", 1, {"a": np.zeros(3)})
    assert FolderCheckpoint(tmp_path, {"a": 1}).numbers("tile") == [1]
    (tmp_path / "settings.json").write_bytes(content)
    assert FolderCheckpoint(tmp_path, {"a": 1}).numbers("tile") == []
