"""Several trainings that differ in their seed alone: how far scores are chance, and the best of them by validation."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, atomic_path
from nuseg.io.places import refuse_links_out
from nuseg.model.store import Model, load_model, save_config
from nuseg.text import plural
from nuseg.training.config import Compute, TrainConfig
from nuseg.training.fit import train
from nuseg.training.run_files import read_log
from nuseg.training.run_folder import MODEL, any_begun, check_free, has_begun

TABLE_FILE, RECORD_FILE = "seeds.csv", "seeds.json"
MONITORS = ("validation/aji", "validation/dice")  # what chooses; the first that the log has
CLASS_MONITORS = ("validation/class_f1",)  # where the class head alone is trained
TOLD = ("dice", "aji", "pq", "f1")


@dataclass(frozen=True, eq=False)
class SeedRuns:
    """Trainings of several seeds.

    Attributes
    ----------
    model : Model
        Of the best seed, in the run folder.
    seed : int
        The best one.
    monitor : str
        The validation score that it is best by.
    table : DataFrame
        One row per seed: `seed`, `run`, `epoch` (the best), the validation score, and `test/DATASET/SCORE`.
    """

    model: Model
    seed: int
    monitor: str
    table: pd.DataFrame

    @property
    def spread(self) -> pd.DataFrame:
        """Index `score`; `mean`, standard deviation `sd`, `low` and `high` over the seeds."""
        scores = self.table.drop(columns=["seed", "run", "epoch"])
        spread = pd.DataFrame({"mean": scores.mean(), "sd": scores.std(), "low": scores.min(), "high": scores.max()})
        spread.index.name = "score"
        return spread


def train_seeds(
    datasets: Sequence[str | Path | Dataset],
    run: str | Path,
    config: TrainConfig | None = None,
    seeds: int = 3,
    resume: bool = False,
    progress: bool = True,
) -> SeedRuns:
    """Train several times, with one seed after the other, and keep the best by validation.

    Parameters
    ----------
    datasets
        As of `nuseg.train`.
    run
        Folder to make: `seed-N/` is the run folder of each training, `seeds.csv` and `seeds.json` have their scores,
        and `model/` is the model of the best.
    config
        As of `nuseg.train`; the seeds are `config.seed` and those after it.
    seeds
        How many.
    resume
        Go on with trainings that were interrupted, and begin those that are missing; so there may be more seeds than
        before. The result is that of an uninterrupted one.
    progress
        As of `nuseg.train`.

    Returns
    -------
    SeedRuns

    Raises
    ------
    NusegError
        As `nuseg.train`; or there are fewer than two seeds, or several devices to train on.
    """
    config, run = config or TrainConfig(), Path(run)
    check_seeds(config, seeds)
    loaded = [one if isinstance(one, Dataset) else Dataset.load(one) for one in datasets]
    wanted = {seed: run / f"seed-{seed}" for seed in range(config.seed, config.seed + seeds)}
    if resume:
        check_begun(run)
    else:
        check_free(run)
    monitors = CLASS_MONITORS if config.optimiser.freeze else MONITORS
    rows = []
    for place, (seed, folder) in enumerate(wanted.items(), 1):
        if progress:
            print(f"seed {seed} ({place} of {seeds}): {folder}", file=sys.stderr)
        own = config.model_copy(update={"seed": seed})
        model = train(loaded, folder, own, resume=resume and has_begun(folder), progress=progress)
        rows.append({"seed": seed, "run": folder.name, **validation_of(folder, monitors), **tests_of(model)})
    table = pd.DataFrame(rows)
    monitor = next(name for name in monitors if name in table)
    best = int(table["seed"].iloc[int(np.argmax(table[monitor]))])
    kept = keep(load_model(wanted[best]), run, config, {"best": best, "by": monitor, "of": list(wanted)})
    found = SeedRuns(kept, best, monitor, table)
    write_seeds(found, run)
    return found


def check_seeds(config: TrainConfig, seeds: int) -> None:
    """Refuse what cannot be trained one after the other.

    Raises
    ------
    NusegError
        Too few or too large seeds, or several devices, whose processes each run the whole command.
    """
    if seeds < 2:
        raise NusegError(f"seeds={seeds}: expected two or more; one seed is an ordinary training")
    if config.seed + seeds > 2**32:
        raise NusegError(f"seeds={seeds}: goes beyond the largest seed, {2**32 - 1}, from seed {config.seed} on")
    devices = number_of_devices(config.compute)
    if devices > 1:
        raise NusegError(
            f"seeds={seeds}: trains on one device, found {devices}: set compute.devices=1, or train each seed by itself"
        )


def number_of_devices(compute: Compute) -> int:
    """How many devices Lightning would train on."""
    if isinstance(compute.devices, int):
        return compute.devices
    if compute.devices not in ("auto", "-1"):
        return len(compute.devices.split(","))
    on_gpus = compute.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return torch.cuda.device_count() if on_gpus else 1


def check_begun(run: Path) -> None:
    """Refuse to go on with what are no trainings of several seeds.

    Raises
    ------
    NusegError
    """
    if has_begun(run):
        raise NusegError(f"{run}: is one training, not one of several seeds: resume it without seeds=")
    if not any_begun(run):
        raise NusegError(f"{run}: nothing to resume: no folder seed-N with a training there: train without resume=True")
    refuse_links_out(run)


def validation_of(folder: Path, monitors: Sequence[str] = MONITORS) -> dict[str, float]:
    """The best epoch of a training, and the validation score that chose it: the first of some that the log has."""
    log = read_log(folder / "log.csv")
    monitor = next((name for name in monitors if name in log and log[name].notna().any()), None)
    if monitor is None:
        raise NusegError(f"{folder / 'log.csv'}: has no validation score: start a new run")
    best = log.iloc[int(np.nanargmax(log[monitor]))]
    return {"epoch": int(best["epoch"]), monitor: float(best[monitor])}


def tests_of(model: Model) -> dict[str, float]:
    """Mean test scores of a model, as `test/DATASET/SCORE`."""
    return {
        f"test/{dataset}/{name}": float("nan") if score["mean"] is None else float(score["mean"])
        for dataset, scores in model.config.scores.items()
        for name, score in scores.items()
    }


def keep(best: Model, run: Path, config: TrainConfig, chosen: dict[str, Any]) -> Model:
    """Copy the best model into the run folder, under the run's name; left as it is where it is there already."""
    training = {**best.config.training, "seeds": chosen}
    wanted = best.config.model_copy(update={"name": config.export.name or run.resolve().name, "training": training})
    try:
        there = load_model(run / MODEL)
    except NusegError:  # none yet, or one that is damaged
        there = None
    if there is not None and there.config == wanted:
        return there
    with atomic_folder(run / MODEL) as folder:
        shutil.copytree(best.path, folder, dirs_exist_ok=True)
        saved = save_config(wanted, folder)
    return Model(saved.config, run / MODEL)


def write_seeds(found: SeedRuns, run: Path) -> None:
    """Write `seeds.csv` and `seeds.json`."""
    with atomic_path(run / TABLE_FILE) as temporary:
        found.table.to_csv(temporary, index=False)
    spread = found.spread.astype(object).where(found.spread.notna(), None)
    record = {"best": found.seed, "by": found.monitor, "seeds": len(found.table), "spread": spread.to_dict("index")}
    with atomic_path(run / RECORD_FILE) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def describe_seeds(found: SeedRuns) -> list[str]:
    """Say in lines how the seeds did, how far they differ, and which one is kept."""
    short = {found.monitor: found.monitor.replace("/", " ")}
    tests = [name for name in map(str, found.table) if name.startswith("test/") and name.rpartition("/")[2] in TOLD]
    short |= {name: f"test {name.split('/', 1)[1].rpartition('/')[0]} {name.rpartition('/')[2]}" for name in tests}
    said = [
        f"seed {row['seed']}: " + ", ".join(f"{text} {row[name]:.3f}" for name, text in short.items())
        for _, row in found.table.iterrows()
    ]
    spread = found.spread
    means = ", ".join(f"{text} {spread['mean'][name]:.3f} ± {spread['sd'][name]:.3f}" for name, text in short.items())
    said.append(f"mean over {plural(len(found.table), 'seed')} ± standard deviation: {means}")
    said.append(f"kept: seed {found.seed}, the best by {short[found.monitor]}")
    return said
