"""Trainings of several seeds: each is what it is alone, the best by validation is kept, interrupted ones go on."""

import json
from pathlib import Path

import onnx
import pandas as pd
import pytest
import torch

from nuseg.errors import NusegError
from nuseg.model import export
from nuseg.model.store import load_model
from nuseg.training import finish
from nuseg.training.config import Compute, TrainConfig, load_config
from nuseg.training.fit import train
from nuseg.training.module import Training
from nuseg.training.seeds import SeedRuns, check_seeds, describe_seeds, number_of_devices, train_seeds

SMALL = [
    "network.preset=unet-small",
    "data.window=32",
    "data.batch=1",
    "data.workers=0",
    "optimiser.steps=1",
    "optimiser.epochs=2",
    "compute.accelerator=cpu",
    "compute.precision=32-true",
    "seed=4",
]


@pytest.fixture(scope="module", autouse=True)
def quick() -> object:
    """Leave out what is slow after the last epoch; test scores depend on the weights alone."""

    def test(model: object, *_: object) -> dict[str, dict[str, dict[str, float | None]]]:
        weights = torch.load(model.weights, weights_only=True)  # type: ignore[attr-defined]
        total = sum(float(value.double().abs().sum()) for value in weights.values() if value.is_floating_point())
        return {"tiny": {"aji": {"mean": total % 1, "low": None, "high": None}}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "to_onnx", lambda _network: onnx.ModelProto())
        patch.setattr(finish, "choose_precision", lambda model, *_: model)
        patch.setattr(finish, "fit_to_images", lambda config, *_: config)
        patch.setattr(finish, "test", test)
        yield


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return load_config(overrides=SMALL)


@pytest.fixture(scope="module")
def made(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory, config: TrainConfig) -> tuple[SeedRuns, Path]:
    run = tmp_path_factory.mktemp("seeds") / "run"
    return train_seeds([tiny_dataset], run, config, seeds=2, progress=False), run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(load_model(folder).weights, weights_only=True)


def check_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=0)


def test_a_seed_is_what_a_training_with_it_alone_is(
    made: tuple[SeedRuns, Path], tiny_dataset: Path, tmp_path: Path
) -> None:
    _, run = made
    train([tiny_dataset], tmp_path / "alone", load_config(overrides=[*SMALL, "seed=5"]), progress=False)
    check_equal(weights(run / "seed-5"), weights(tmp_path / "alone"))
    one, other = weights(run / "seed-4"), weights(run / "seed-5")
    assert any(not torch.equal(value, other[name]) for name, value in one.items())


def test_the_best_by_validation_is_kept_under_the_name_of_the_run(made: tuple[SeedRuns, Path]) -> None:
    found, run = made
    logs = {seed: pd.read_csv(run / f"seed-{seed}" / "log.csv")["validation/aji"].max() for seed in (4, 5)}
    assert found.seed == max(logs, key=lambda seed: (logs[seed], -seed))
    assert found.table["validation/aji"].to_list() == pytest.approx([logs[4], logs[5]])
    check_equal(weights(run), weights(run / f"seed-{found.seed}"))
    kept = load_model(run)
    assert (kept.config.name, kept.config.training["seeds"]["best"]) == ("run", found.seed)
    assert f"# {kept.config.name}" in (run / "model" / "CARD.md").read_text()


def test_mean_and_spread_are_those_of_the_seeds(made: tuple[SeedRuns, Path]) -> None:
    found, run = made
    tests = [load_model(run / f"seed-{seed}").config.scores["tiny"]["aji"]["mean"] for seed in (4, 5)]
    row = found.spread.loc["test/tiny/aji"]
    assert row["mean"] == pytest.approx(sum(tests) / 2)
    assert row["sd"] == pytest.approx(abs(tests[0] - tests[1]) / 2**0.5)
    assert (row["low"], row["high"]) == (min(tests), max(tests))
    table = pd.read_csv(run / "seeds.csv")
    assert table["test/tiny/aji"].to_list() == pytest.approx(tests)
    record = json.loads((run / "seeds.json").read_text())
    assert (record["best"], record["by"], record["seeds"]) == (found.seed, "validation/aji", 2)
    lines = describe_seeds(found)
    assert f"test tiny aji {row['mean']:.3f} ± {row['sd']:.3f}" in lines[-2]
    assert lines[-1] == f"kept: seed {found.seed}, the best by validation aji"


def test_finished_seeds_are_left_and_missing_ones_are_trained(
    made: tuple[SeedRuns, Path], tiny_dataset: Path, config: TrainConfig
) -> None:
    found, run = made
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and "seed-" in str(path)}
    more = train_seeds([tiny_dataset], run, config, seeds=3, resume=True, progress=False)
    assert more.table["seed"].to_list() == [4, 5, 6]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert more.table.head(2)["validation/aji"].to_list() == found.table["validation/aji"].to_list()


def test_an_interrupted_training_goes_on_to_the_same_result(
    made: tuple[SeedRuns, Path], tiny_dataset: Path, tmp_path: Path, config: TrainConfig
) -> None:
    usual, steps = Training.training_step, []

    def stop(self: Training, batch: object, index: int) -> torch.Tensor:
        steps.append(index)
        if len(steps) == 4:  # the last step of the second seed
            raise KeyboardInterrupt
        return usual(self, batch, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "training_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train_seeds([tiny_dataset], tmp_path / "run", config, seeds=2, progress=False)
    assert not (tmp_path / "run" / "model").exists()
    found = train_seeds([tiny_dataset], tmp_path / "run", config, seeds=2, resume=True, progress=False)
    for seed in (4, 5):
        check_equal(weights(tmp_path / "run" / f"seed-{seed}"), weights(made[1] / f"seed-{seed}"))
    assert found.seed == made[0].seed


def test_what_cannot_go_on_is_refused(
    made: tuple[SeedRuns, Path], tiny_dataset: Path, tmp_path: Path, config: TrainConfig
) -> None:
    with pytest.raises(NusegError, match="nothing to resume: no folder seed-N"):
        train_seeds([tiny_dataset], tmp_path / "none", config, resume=True)
    with pytest.raises(NusegError, match="is one training, not one of several seeds"):
        train_seeds([tiny_dataset], made[1] / "seed-4", config, resume=True)
    with pytest.raises(NusegError, match="not empty"):
        train_seeds([tiny_dataset], made[1], config)


def test_a_folder_that_could_not_start_is_left_as_it_was(tiny_dataset: Path, tmp_path: Path) -> None:
    impossible = load_config(overrides=[*SMALL, "compute.accelerator=nothing"])
    with pytest.raises(NusegError, match="not to be had here"):
        train_seeds([tiny_dataset], tmp_path / "run", impossible, progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "seeds", "message"),
    [
        (["seed=0"], 1, "expected two or more"),
        (["seed=4294967294"], 3, "beyond the largest seed"),
        (["compute.devices=2"], 2, "trains on one device, found 2"),
    ],
)
def test_seeds_that_cannot_be_trained(words: list[str], seeds: int, message: str) -> None:
    with pytest.raises(NusegError, match=message):
        check_seeds(load_config(overrides=words), seeds)


def test_devices_are_counted_as_lightning_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    counts = {("auto", "auto"): 4, ("cpu", "auto"): 1, ("gpu", 1): 1, ("gpu", "0,1"): 2, ("gpu", "-1"): 4}
    for (accelerator, devices), expected in counts.items():
        assert number_of_devices(Compute(accelerator=accelerator, devices=devices)) == expected
