"""Model folders that are missing, damaged or too new: one clear line, and nothing is begun."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import check_one_error, run_cli, run_process
from damage import Damage, cut, edit, flip, remove, replace

from dark_model import CONFIG
from nuseg.io.image import write_png
from nuseg.model.store import save_config

pytestmark = pytest.mark.usefixtures("nothing_half_written")


def signed(name: str, data: bytes) -> Damage:
    """Replace a file by another one, and give model.json the checksum of that."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)
        save_config(CONFIG, folder)

    return damage


def changed_graph(change: Callable[[Any], object]) -> Damage:
    """Change the graph, which is sound ONNX afterwards, and sign it."""

    def damage(folder: Path) -> None:
        import onnx

        model = onnx.load(folder / "model.onnx")
        change(model.graph)
        signed("model.onnx", model.SerializeToString())(folder)

    return damage


DAMAGE: dict[str, tuple[Damage, str, str]] = {
    "no folder": (shutil.rmtree, "", "expected a shipped model"),
    "empty folder": (
        lambda folder: [remove(file.name)(folder) for file in folder.iterdir()],
        "",
        "a folder with model.json",
    ),
    "no description": (remove("model.json"), "", "a folder with model.json"),
    "cut description": (cut("model.json"), "model.json", "damaged model description"),
    "flipped bit in description": (flip("model.json"), "model.json", "damaged model description"),
    "empty description": (replace("model.json", b""), "model.json", "damaged model description"),
    "no JSON": (replace("model.json", b"name: dark\n"), "model.json", "damaged model description"),
    "no text": (replace("model.json", bytes(range(256))), "model.json", "damaged model description"),
    "a list": (replace("model.json", b"[1]"), "model.json", "expected a JSON object, found list"),
    "newer": (edit("model.json", format_version=99), "model.json", "model format 99 is newer than this"),
    "version in words": (edit("model.json", format_version="two"), "model.json", "format_version 'two'"),
    "no version": (edit("model.json", format_version=None), "model.json", "lacks 'format_version'"),
    "no thresholds' range": (edit("model.json", thresholds={"mask": 7}), "model.json", "thresholds.mask"),
    "unknown key": (edit("model.json", colour="red"), "model.json", "colour: Extra inputs"),
    "no margin": (edit("model.json", margin=None), "model.json", "lacks 'margin'"),
    "negative margin": (edit("model.json", margin=-1), "model.json", "margin: Input should be greater"),
    "no stride": (edit("model.json", stride=0), "model.json", "stride: Input should be greater"),
    "implausible mpp": (edit("model.json", mpp=0), "model.json", "mpp: Input should be greater"),
    "cut graph": (cut("model.onnx"), "model.onnx", "checksum differs"),
    "flipped bit in graph": (flip("model.onnx", 200), "model.onnx", "checksum differs"),
    "no graph": (remove("model.onnx"), "model.onnx", "missing"),
    "no graph and no checksums": (
        lambda folder: [remove("model.onnx")(folder), edit("model.json", files={})(folder)],
        "model.onnx",
        "missing",
    ),
    "no 8-bit graph": (edit("model.json", precision="int8"), "model.int8.onnx", "missing"),
    "no ONNX": (signed("model.onnx", b"no graph" * 99), "model.onnx", "no ONNX graph"),
    "empty graph": (signed("model.onnx", b""), "model.onnx", "cannot be run on an image"),
    "three maps": (
        changed_graph(lambda graph: graph.node[-1].input.append("map")),
        "model.onnx",
        "expected maps of shape (1, 2, 2, 3) (mask, distance) of an image of shape (1, 2, 3, 3), found (1, 3, 2, 3)",
    ),
    "maps of another size": (
        changed_graph(lambda graph: setattr(graph.node[-1].attribute[0], "i", 2)),
        "model.onnx",
        "found (1, 1, 4, 3)",
    ),
    "four colours": (
        changed_graph(lambda graph: setattr(graph.input[0].type.tensor_type.shape.dim[3], "dim_value", 4)),
        "model.onnx",
        "cannot be run on an image of shape (1, 2, 3, 3)",
    ),
    "flipped bit in weights": (
        lambda folder: [signed("weights.pt", b"weights")(folder), flip("weights.pt")(folder)],
        "weights.pt",
        "checksum differs",
    ),
}


@pytest.fixture
def model(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the sound model, to be damaged."""
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


@pytest.mark.parametrize("kind", DAMAGE)
def test_segment_names_what_is_damaged(model: Path, tmp_path: Path, kind: str) -> None:
    damage, file, message = DAMAGE[kind]
    damage(model)
    write_png(tmp_path / "image.png", np.zeros((20, 20, 3), np.uint8))
    result = run_cli("segment", tmp_path / "image.png", "-o", tmp_path / "out", "--model", model, "--device", "cpu")
    check_one_error(result, model / file, message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["no ONNX", "four colours"])
def test_libraries_print_nothing_of_their_own(model: Path, tmp_path: Path, kind: str) -> None:
    damage, file, message = DAMAGE[kind]
    damage(model)
    write_png(tmp_path / "image.png", np.zeros((20, 20, 3), np.uint8))
    words = "segment", tmp_path / "image.png", "-o", tmp_path / "out", "--model", model, "--device", "cpu"
    check_one_error(run_process(*words), model / file, message)


@pytest.mark.parametrize("kind", ["no folder", "newer", "cut description", "no graph"])
def test_other_commands_do_too(model: Path, tmp_path: Path, kind: str) -> None:
    damage, file, message = DAMAGE[kind]
    damage(model)
    check_one_error(run_cli("models", "--card", model), model / file, message)
    check_one_error(run_cli("export", model, "-o", tmp_path / "new"), model / file, message)
    assert not (tmp_path / "new").exists()


def test_any_flipped_bit_of_the_description_is_met(model: Path) -> None:
    whole = (model / "model.json").read_bytes()
    refused = 0
    for position in range(0, len(whole), 7):
        flip("model.json", position)(model)
        result = run_cli("models", "--card", model)
        if result.code:  # else the bit was in a word or a number, which only its reader can judge
            check_one_error(result, model)
            refused += 1
        (model / "model.json").write_bytes(whole)
    assert refused > len(whole) / 7 / 2


def test_a_model_without_its_card(model: Path) -> None:
    (model / "CARD.md").unlink()
    check_one_error(run_cli("models", "--card", model), model / "CARD.md", "missing")


def test_no_such_model() -> None:
    check_one_error(run_cli("models", "--card", "kidney"), "model kidney", "expected a shipped model")


def torch_file(content: object) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "weights",
    [
        lambda: b"",
        lambda: b"no weights",
        lambda: torch_file({"other": 1}),
        lambda: torch_file([1, 2]),
        lambda: torch_file({"other": 1})[:300],
    ],
    ids=["empty", "text", "of another network", "a list", "cut"],
)
def test_weights_that_do_not_fit(model: Path, tmp_path: Path, weights: Callable[[], bytes]) -> None:
    signed("weights.pt", weights())(model)
    check_one_error(run_cli("export", model, "-o", tmp_path / "new"), model / "weights.pt", "does not fit preset")
    assert not (tmp_path / "new").exists()


def test_a_model_without_weights(model: Path, tmp_path: Path) -> None:
    check_one_error(run_cli("export", model, "-o", tmp_path / "new"), model / "weights.pt", "missing")


def test_places_that_are_taken(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    check_one_error(run_cli("export", model, "-o", tmp_path), tmp_path, "not empty")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        check_one_error(run_cli("export", model, "-o", place), place, "is a file")
    assert (tmp_path / "file").read_text() == "mine"
