"""`nuseg compare` and the seeds of `nuseg train`, from the command line."""

import json
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import check_one_error, check_usage_error, run_cli

from annotated import write_source
from dark_model import save_dark_model
from nuseg.annotations.raster import read_raw
from nuseg.cli.stopping import Stopped
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.io.image import write_png
from nuseg.model.store import Model, load_model, save_config
from nuseg.training import seeds as seed_runs
from nuseg.training.config import TrainConfig

run = partial(run_cli, "compare")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_source(folder / "in", [f"p{number // 2}_{number}" for number in range(6)])
    settings = PrepareSettings(mpp=0.5, group=r"^(p\d)", split=(0, 0, 1))
    return prepare(folder / "in", folder / "dataset", settings).dataset.root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("models") / "dark").path


@pytest.fixture(scope="module")
def half(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions without one nucleus of each image."""
    folder = tmp_path_factory.mktemp("predictions") / "half"
    for path in sorted((dataset / "labels").iterdir()):
        labels = read_raw(path).astype(np.uint16)
        write_png(folder / path.name, np.where(labels == 3, 0, labels))
    return folder


def test_a_model_against_predictions_and_what_was_scored_before(
    dataset: Path, model: Path, half: Path, tmp_path: Path
) -> None:
    scores, out = tmp_path / "before", tmp_path / "out"
    assert run_cli("evaluate", dataset, "-p", half, "-o", scores).code == 0
    result = run(model, half, scores, "--truth", dataset, "-o", out, "--threads", 1)
    assert result.code == 0, result.output
    assert "6 images of 3 groups (patients, slides) cannot tell dark and half apart: AJI of half less" in result.out
    assert "So few groups can never tell two apart: it takes 7 at least." in result.out
    assert "higher in dark: " in result.out
    assert f"page: {out / 'index.html'}" in result.out
    assert (out / "dark" / "index.html").is_file()
    assert (out / "half" / "per_image.csv").is_file()
    images = pd.read_csv(out / "images.csv")
    assert images["half"].to_list() == pytest.approx(images["before"].to_list())
    record = json.loads((out / "comparison.json").read_text())
    assert [pair["groups"] for pair in record["pairs"]] == [3, 3]
    # What it wrote on the way can be compared again.
    again = run(out / "dark", out / "half", "--score", "pq")
    assert "PQ of half less" in again.out


def test_nothing_is_written_unasked(dataset: Path, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(half, half, "--truth", dataset / "labels")
    assert result.code == 0, result.output
    assert "half (1) and" in result.out
    assert "have the same AJI on every image" in result.out
    assert not list(tmp_path.iterdir())


def test_a_bad_prediction_is_said_and_the_others_are_compared(dataset: Path, half: Path, tmp_path: Path) -> None:
    for path in half.iterdir():
        write_png(tmp_path / "bad" / path.name, read_raw(path)[:20] if path.stem == "p0_0" else read_raw(path))
    result = run(half, tmp_path / "bad", "--truth", dataset)
    assert result.errors == [
        "p0_0: truth is 56x48 but prediction is 56x20 (width x height): compare images of one size"
    ]
    assert "1 image of half are not in all of the others: p0_0" in result.out
    assert "5 images of 3 groups" in result.out


def test_wrong_usage(dataset: Path, half: Path, tmp_path: Path) -> None:
    check_usage_error(run(half), "name two or more to compare")
    check_one_error(run(half, "default"), "half: has no per_image.csv of nuseg evaluate", "name the dataset: --truth")
    check_one_error(run(half, half, "--truth", dataset, "--score", "f2"), "--score f2: expected a score that all have")
    check_one_error(run(half, tmp_path / "none", "--truth", dataset), "none: no such folder")
    check_one_error(
        run(half, half, "--truth", dataset, "--group-column", "x"), "--group-column: needs a CSV", "--table"
    )
    check_one_error(run(half, half, "--truth", tmp_path / "none"), "none: no such folder")


def test_evaluate_takes_a_table(dataset: Path, half: Path, tmp_path: Path) -> None:
    table = tmp_path / "clinical.csv"
    rows = [f"p{n // 2}_{n},case{n % 3},{'ab'[n % 2]}" for n in range(6)]
    table.write_text("name,case,stain\n" + "\n".join(rows) + "\n")
    words = dataset, "-p", half, "-o", tmp_path / "out", "--table", table
    result = run_cli("evaluate", *words, "--group-column", "case", "--by", "stain")
    assert result.code == 0, result.output
    assert "6 images of 3 groups (patients, slides): intervals draw whole groups" in result.out
    assert set(pd.read_csv(tmp_path / "out" / "by_column.csv")["column"]) == {"stain", "group"}
    assert pd.read_csv(tmp_path / "out" / "per_image.csv")["group"].to_list() == ["case0", "case1", "case2"] * 2
    check_one_error(run_cli("evaluate", *words, "--by", "lab"), "has no column 'lab'; its columns are case, stain")


def test_help_teaches() -> None:
    text = run("--help").output
    assert "nuseg compare scores-default scores-tuned -o comparison" in text
    assert "Holm" in text


def trained(run: Path, config: TrainConfig) -> Model:
    """What a training leaves that the seeds are compared by: the better the larger its seed is, up to 1."""
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    score = {0: 0.5, 1: 0.7, 2: 0.6}[config.seed]
    (run / "log.csv").write_text(f"epoch,validation/dice,validation/aji\n1,0.9,{score}\n2,0.9,{score - 0.1}\n")
    made = save_dark_model(run / "model")
    mean = {"mean": score - 0.05, "low": None, "high": None}
    return save_config(made.config.model_copy(update={"scores": {"cells": {"aji": mean}}}), made.path)


def test_several_seeds(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def train(_datasets: object, run: Path, config: TrainConfig, resume: bool, progress: bool) -> Model:
        begun.append((run.name, config.seed, resume))
        return load_model(run) if resume else trained(run, config)

    monkeypatch.setattr(seed_runs, "train", train)
    out = tmp_path / "run"
    result = run_cli("train", dataset, "-o", out, "--seeds", 2)
    assert result.code == 0, result.output
    assert begun == [("seed-0", 0, False), ("seed-1", 1, False)]
    assert result.out.splitlines() == [
        "seed 0: validation aji 0.500, test cells aji 0.450",
        "seed 1: validation aji 0.700, test cells aji 0.650",
        "mean over 2 seeds ± standard deviation: validation aji 0.600 ± 0.141, test cells aji 0.550 ± 0.141",
        "kept: seed 1, the best by validation aji",
        f"model: {out / 'model'}",
        "test cells: aji 0.650",
    ]
    assert "seed 1 (2 of 2)" in result.err
    assert load_model(out).config.name == "run"
    begun.clear()
    result = run_cli("train", dataset, "-o", out, "--seeds", 3, "--resume")
    assert begun == [("seed-0", 0, True), ("seed-1", 1, True), ("seed-2", 2, False)]
    assert "mean over 3 seeds" in result.out
    check_one_error(run_cli("train", dataset, "-o", out, "--seeds", 3), "not empty", "--resume")
    check_usage_error(run_cli("train", dataset, "-o", out, "--seeds", 1), "--seeds")


def test_an_interruption_says_how_to_go_on(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(_datasets: object, run: Path, config: TrainConfig, **_: object) -> Model:
        if config.seed == 1:
            raise Stopped(signal.SIGINT)
        return trained(run, config)

    monkeypatch.setattr(seed_runs, "train", train)
    result = run_cli("train", dataset, "-o", tmp_path / "run", "--seeds", 3)
    assert result.code == 130
    assert f"go on with nuseg train {dataset} -o {tmp_path / 'run'} --seeds 3 --resume" in result.err
