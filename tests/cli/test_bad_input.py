"""Bad settings of a training, and the command line itself: what is shown with and without `--debug`."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import check_one_error, check_usage_error, run_cli, run_process

from annotated import write_source
from nuseg.io.image import write_png

pytestmark = pytest.mark.usefixtures("nothing_half_written")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    write_source(folder / "source", ["a", "b", "c"])
    assert run_cli("prepare", folder / "source", "-o", folder / "set", "--mpp", 0.25).code == 0
    return folder / "set"


CONFIGS = {
    "unknown key": (b"optimiser: {learning_rate: 1}", "unknown key optimiser.learning_rate"),
    "unknown section": (b"trainer: {epochs: 1}", "unknown key trainer"),
    "word for a number": (b"optimiser: {epochs: many}", "optimiser.epochs: Input should be a valid integer"),
    "value not allowed": (b"data: {window: 33}", "data.window: Input should be a multiple of 16, found 33"),
    "number for a section": (b"optimiser: 3", "optimiser: "),
    "two problems": (b"colour: red\nseed: x", "unknown key colour"),
    "no YAML": (b"data: [1,", "expected a YAML configuration"),
    "object of Python": (b"seed: !!python/object:os.system x", "expected a YAML configuration"),
    "a list": (b"- 1\n- 2", "found a list"),
    "no text": (bytes(range(256)), "expected a YAML configuration"),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_bad_configuration(dataset: Path, tmp_path: Path, kind: str) -> None:
    content, message = CONFIGS[kind]
    (tmp_path / "my.yaml").write_bytes(content)
    result = run_cli("train", dataset, "-o", tmp_path / "run", "--config", tmp_path / "my.yaml")
    check_one_error(result, tmp_path / "my.yaml", message)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", ["none.yaml", "."])
def test_no_configuration(dataset: Path, tmp_path: Path, given: str) -> None:
    result = run_cli("train", dataset, "-o", tmp_path / "run", "--config", tmp_path / given)
    check_one_error(result, tmp_path / given, "expected a YAML configuration")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimiser.lr", "expected section.key=value"),
        ("=3", "expected section.key=value, such as optimiser.lr=0.0005, found no key"),
        (".a=1", "found '.a'"),
        ("data..mpp=1", "found 'data..mpp'"),
        ("optimiser.lr=fast", "optimiser.lr: Input should be a valid number"),
        ("optimiser.lr=-1", "optimiser.lr: Input should be greater than 0"),
        ("optimiser.rate=1", "unknown key optimiser.rate"),
        ("optimiser.lr=[", "not YAML"),
    ],
)
def test_bad_set(dataset: Path, tmp_path: Path, setting: str, message: str) -> None:
    check_one_error(run_cli("train", dataset, "-o", tmp_path / "run", "--set", setting), "--set", message)
    assert not (tmp_path / "run").exists()


def test_a_training_does_not_begin(dataset: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    check_one_error(run_cli("train", tmp_path / "none", "-o", run), tmp_path / "none", "no such dataset folder")
    check_one_error(run_cli("train", dataset, "-o", run, "--resume"), run, "nothing to resume")
    check_one_error(run_cli("train", dataset, "-o", dataset), dataset, "not empty")
    damaged = Path(shutil.copytree(dataset, tmp_path / "damaged"))
    (damaged / "images" / "a.png").unlink()
    check_one_error(run_cli("train", damaged, "-o", run), damaged / "dataset.json", "images/a.png missing")
    (damaged / "dataset.json").write_text('{"version": 99}')
    check_one_error(run_cli("train", damaged, "-o", run), damaged / "dataset.json", "format version 99")
    assert not run.exists()


def test_run_folder_that_is_a_file(dataset: Path) -> None:
    for place in (dataset / "dataset.json", dataset / "dataset.json" / "below"):
        check_one_error(run_cli("train", dataset, "-o", place), place, "is a file")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["segmentt"], "No such command 'segmentt'"),
        (["segment"], "Missing argument"),
        (["segment", "a.png"], "Missing option '--out'"),
        (["prepare", "folder"], "Missing option"),
        (["train"], "name at least one dataset"),
        (["train", "data"], "name the run folder"),
        (["train", "data", "-o", "run", "--epochs", "3"], "No such option: --epochs"),
        (["export", "run"], "Missing option '--out'"),
        (["models", "--cards"], "No such option: --cards"),
    ],
)
def test_usage(words: list[str], message: str) -> None:
    check_usage_error(run_cli(*words), message)


def test_process_without_and_with_debug() -> None:
    words = ["models", "--card", "none"]
    check_one_error(run_process(*words), "model none")
    for debugging in (["--debug", *words], [*words, "--debug"]):
        result = run_process(*debugging)
        assert result.code == 1
        assert re.search(r"Traceback.*store\.py.*NusegError: model none: expected", result.err, re.DOTALL)


def test_process_shows_the_traceback_of_a_bad_image_only_on_request(tmp_path: Path, model_folder: Path) -> None:
    write_png(tmp_path / "good.png", np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "bad.png").write_bytes(b"")
    words = ["segment", tmp_path / "bad.png", tmp_path / "good.png", "--model", model_folder, "--mpp", 0.25]
    check_one_error(run_process(*words, "-o", tmp_path / "out"), tmp_path / "bad.png", "an empty file")
    assert (tmp_path / "out" / "csv" / "good.csv").is_file()
    result = run_process("--debug", *words, "-o", tmp_path / "again")
    assert result.code == 1
    assert len(result.errors) == 1
    assert "Traceback" in result.err
    assert (tmp_path / "again" / "csv" / "good.csv").is_file()


def test_process_with_unknown_option() -> None:
    check_usage_error(run_process("segment", "a.png", "-o", "out", "--gpu"), "No such option: --gpu")


def test_what_nobody_foresaw_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("nuseg.model.store.shipped_models", fail)
    result = run_cli("models")
    assert (result.code, result.err) == (1, "error: unexpected RuntimeError: two lines (--debug shows where)\n")
