"""Trainings that were interrupted, are finished, or cannot start; without what is slow after the last epoch."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import yaml

from nuseg.errors import NusegError
from nuseg.model import export
from nuseg.model.store import load_model
from nuseg.training import finish, fit
from nuseg.training.config import load_config
from nuseg.training.fit import train
from nuseg.training.module import Training, warmup_cosine
from nuseg.training.run_folder import check_free, check_same, claimed, find_finished, go_on

SMALL = [
    "network.preset=unet-small",
    "data.window=32",
    "data.batch=1",
    "optimiser.steps=2",
    "optimiser.epochs=3",
    "compute.accelerator=cpu",
]
RECORD = {"datasets": {"a": "1"}, "command": "nuseg train"}


@pytest.fixture
def without_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "finish", lambda module, *_: module)


def settings(*more: str) -> list[str]:
    return [*SMALL, "data.workers=0", *more]


def interrupted_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C in a step of the training, counted from 0."""
    usual = Training.training_step

    def stop(self: Training, batch: object, index: int) -> torch.Tensor:
        if self.global_step == step:
            raise KeyboardInterrupt
        return usual(self, batch, index)

    monkeypatch.setattr(Training, "training_step", stop)


@pytest.fixture(scope="module")
def uninterrupted(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "finish", lambda module, *_: module)
        run = tmp_path_factory.mktemp("whole") / "run"
        return train([tiny_dataset], run, load_config(overrides=settings())).state_dict()


@pytest.mark.usefixtures("without_finish")
@pytest.mark.parametrize(("workers", "step"), [(0, 5), (1, 2), (1, 3), (2, 4)])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    uninterrupted: dict[str, torch.Tensor], tiny_dataset: Path, tmp_path: Path, workers: int, step: int
) -> None:
    config = load_config(overrides=[*SMALL, f"data.workers={workers}"])
    with pytest.MonkeyPatch.context() as patch:
        interrupted_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train([tiny_dataset], tmp_path / "run", config)
    weights = train([tiny_dataset], tmp_path / "run", config, resume=True).state_dict()
    for name, value in uninterrupted.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
    assert list(pd.read_csv(tmp_path / "run" / "log.csv")["epoch"]) == [1, 2, 3]


@pytest.mark.usefixtures("without_finish")
def test_a_run_that_lost_patience_does_not_gain_it_by_an_interruption(tiny_dataset: Path, tmp_path: Path) -> None:
    config = load_config(overrides=settings("optimiser.patience=1", "optimiser.epochs=9", "optimiser.lr=1e-9"))
    train([tiny_dataset], tmp_path / "run", config)
    log = tmp_path / "run" / "log.csv"
    epochs = len(pd.read_csv(log))
    assert epochs < 9
    train([tiny_dataset], tmp_path / "run", config, resume=True)  # as after a kill before the model was written
    assert len(pd.read_csv(log)) == epochs


@pytest.fixture(scope="module")
def finished(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "to_onnx", lambda _network: onnx.ModelProto())  # of no interest here
        patch.setattr(finish, "choose_precision", lambda model, *_: model)
        patch.setattr(finish, "test", lambda *_: {})
        train([tiny_dataset], run, load_config(overrides=settings("optimiser.epochs=2")))
    return run


class TestAFinishedRun:
    """One that has a model."""

    @pytest.fixture
    def copy(self, finished: Path, tmp_path: Path) -> Path:
        """The run, moved: a folder is a run wherever it lies."""
        return Path(shutil.copytree(finished, tmp_path / "moved"))

    def test_is_left_as_it_is(self, copy: Path, tiny_dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in copy.rglob("*")}
        model = train([tiny_dataset], copy, load_config(overrides=settings("optimiser.epochs=2")), resume=True)
        assert "already finished" in capsys.readouterr().out
        assert model.path == copy / "model"
        assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in copy.rglob("*")} == before

    @pytest.mark.usefixtures("without_finish")
    def test_is_trained_on_with_more_epochs(
        self, copy: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rates: dict[int, float] = {}
        usual = Training.training_step

        def watch(self: Training, batch: object, index: int) -> torch.Tensor:
            rates[self.global_step] = max(group["lr"] for group in self.optimizers().param_groups)
            return usual(self, batch, index)

        monkeypatch.setattr(Training, "training_step", watch)
        config = load_config(overrides=settings("optimiser.epochs=5"))
        train([tiny_dataset], copy, config, resume=True)
        # The rate of a training that was planned for five epochs, from where this one stands.
        expected = {step: config.optimiser.lr * warmup_cosine(step, 10, 0.05) for step in range(4, 10)}
        assert rates == pytest.approx(expected)
        assert list(pd.read_csv(copy / "log.csv")["epoch"]) == [1, 2, 3, 4, 5]
        assert load_config(copy / "config.yaml") == config
        assert json.loads((copy / "provenance.json").read_text())["raised"][0]["optimiser.epochs"] == [2, 5]
        assert find_finished(copy, config) is None  # the model there is that of two epochs

    def test_keeps_its_model_until_the_next_one_is_whole(
        self, copy: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        before = (copy / "model" / "model.json").read_bytes()
        monkeypatch.setattr(export, "to_onnx", fail)  # half of the model's files are written by then
        with pytest.raises(KeyboardInterrupt):
            train([tiny_dataset], copy, load_config(overrides=settings("optimiser.epochs=3")), resume=True)
        assert (copy / "model" / "model.json").read_bytes() == before
        assert load_model(copy).config.training["config"]["optimiser"]["epochs"] == 2
        assert list(copy.glob(".*")) == []

    def test_whose_model_is_damaged_is_finished_again(self, copy: Path) -> None:
        config = load_config(overrides=settings("optimiser.epochs=2"))
        assert find_finished(copy, config) is not None
        (copy / "model" / "weights.pt").write_bytes(b"half")
        assert find_finished(copy, config) is None


@pytest.mark.parametrize(
    ("now", "datasets", "words"),
    [
        (["optimiser.lr=0.5"], {"a": "1"}, ["optimiser.lr is 0.003 there, 0.5 here"]),
        (["optimiser.epochs=2"], {"a": "1"}, ["optimiser.epochs is 3 there, 2 here"]),
        (["seed=1", "data.weights.x=0.5"], {"a": "1"}, ["seed is 0 there, 1 ", "weights is {} there, {'x': 0.5}"]),
        (["optimiser.epochs=9", "data.batch=2"], {"a": "1"}, ["(data.batch is 1 there, 2 here)"]),
        ([], {"a": "2"}, ["datasets have changed", "(a)"]),
        ([], {"b": "1"}, ["datasets have changed", "(a, b)"]),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_both_values(
    tmp_path: Path, now: list[str], datasets: dict[str, str], words: list[str]
) -> None:
    with claimed(tmp_path / "run", load_config(overrides=SMALL), RECORD):
        pass
    with pytest.raises(NusegError) as refused:
        check_same(tmp_path / "run", load_config(overrides=[*SMALL, *now]), datasets)
    assert "\n" not in str(refused.value)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_record_that_is_damaged_is_said_in_a_line(tmp_path: Path, text: str) -> None:
    config = load_config(overrides=SMALL)
    with claimed(tmp_path / "run", config, RECORD):
        pass
    (tmp_path / "run" / "provenance.json").write_text(text)
    for check in (lambda: check_same(tmp_path / "run", config, {"a": "1"}), lambda: raised(tmp_path / "run")):
        with pytest.raises(NusegError, match=r"provenance\.json: expected the record of a run") as refused:
            check()
        assert len(str(refused.value)) < 300 + len(str(tmp_path))


def raised(run: Path) -> None:
    go_on(run, load_config(overrides=[*SMALL, "optimiser.epochs=9"]), "nuseg train")


def state(folder: Path) -> list[str] | None:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else None


def spoil_labels(dataset: Path) -> None:
    cv2.imwrite(str(dataset / "labels" / "4.png"), np.zeros((7, 7), np.uint8))  # a validation image


def empty_validation(dataset: Path) -> None:
    for name in ("3", "4"):
        cv2.imwrite(str(dataset / "labels" / f"{name}.png"), np.zeros((72, 88), np.uint16))


def move_validation(dataset: Path) -> None:
    record = json.loads((dataset / "dataset.json").read_text().replace('"validation"', '"test"'))
    (dataset / "dataset.json").write_text(json.dumps(record))


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("more", "spoil", "words"),
    [
        (["data.weights.other=1"], None, "data.weights names other"),
        (["compute.accelerator=tpu"], None, "compute.accelerator=tpu"),
        (["network.init=nowhere"], None, "model nowhere"),
        ([], spoil_labels, "labels are 7x7"),
        ([], empty_validation, r"no validation image \(2 in all\) has a nucleus.*split= or seed="),
        ([], move_validation, "no image in the split 'validation'"),
    ],
)
def test_a_training_that_cannot_start_leaves_nothing(tiny_dataset, tmp_path, there, more, spoil, words):
    data = Path(shutil.copytree(tiny_dataset, tmp_path / "data"))
    if spoil is not None:
        spoil(data)
    run = tmp_path / "deep" / "run"
    if there:
        run.mkdir(parents=True)
    before = state(tmp_path / "deep")
    with pytest.raises(NusegError, match=words):
        train([data], run, load_config(overrides=settings(*more)))
    assert state(tmp_path / "deep") == before


def test_an_error_in_the_first_epoch_leaves_nothing_and_a_later_one_the_checkpoint(tmp_path: Path) -> None:
    config = load_config(overrides=SMALL)
    for checkpoint in (False, True):
        run = tmp_path / "run"
        with pytest.raises(ValueError), claimed(run, config, RECORD):  # noqa: PT012
            (run / "tensorboard").mkdir()
            if checkpoint:
                (run / "checkpoints").mkdir()
                (run / "checkpoints" / "last.ckpt").touch()
            raise ValueError
        assert run.exists() is checkpoint
    with pytest.raises(NusegError, match="not empty"):
        check_free(tmp_path / "run")
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["optimiser"]["epochs"] == 3


@pytest.mark.usefixtures("without_finish")
def test_an_image_without_nuclei_does_not_choose_the_epoch(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(tiny_dataset, tmp_path / "data"))
    cv2.imwrite(str(data / "labels" / "3.png"), np.zeros((72, 88), np.uint16))
    module = train([data], tmp_path / "run", load_config(overrides=settings("optimiser.epochs=1", "optimiser.steps=1")))
    assert [item.name for item, _ in module.validation] == ["4"]
    note = "note: validation image without nuclei: it does not choose the epoch or the thresholds: 3"
    assert capsys.readouterr().err.splitlines() == [note]
    assert module.model_config.training["notes"] == [note]
