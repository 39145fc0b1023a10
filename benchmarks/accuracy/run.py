"""One row of the accuracy tables: train and test an experiment under a protocol.

    python benchmarks/accuracy/run.py DATASETS PROTOCOL [EXPERIMENT] [--seed 0]

DATASETS is made by benchmarks/shipped_model/prepare.sh, and for the last two by unlabelled.sh beside it. PROTOCOL is
one of

    shipped    train on the sets whose licence allows any use, test on monuseg
    unseen     the same without consep, tested on all of it; and without tnbc, tested on all of it
    in-domain  train on monuseg alone, in five folds with the same organs in each: every image is tested once
    kumar      train on 16 images of monuseg, test on the 14 others, as Kumar et al. (IEEE TMI 2017) divide them
    onward     go on with the default shipped model, its margin narrowed to 112 px, on all sets; test on monuseg
    onward-fast  the same with the fast one, narrowed to 96 px

The first two take the recipe of the default shipped model with a fifth of its steps, the next two in_domain.yaml, the
last two those of the shipped models with 300 steps. Of the sets those are trained on that data.weights
names, if it names any.
EXPERIMENT is a line of experiments.yaml, which says what it changes in the recipe, or several joined by "+". Runs
are kept in DATASETS/runs/accuracy and go on where they were interrupted. Rows go to results.csv beside this file, in
place of earlier ones of the same protocol, experiment and seed.
"""

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml

from nuseg.datasets.dataset import Dataset
from nuseg.evaluation.report import summarise
from nuseg.training.config import TrainConfig, load_config
from nuseg.training.fit import train

HERE = Path(__file__).parent
Protocol = Callable[[Path], Iterator[tuple[str, list[Dataset]]]]
NEW = ("dsbtest", "pcns")
UNLABELLED = ("tcga", "brca", "nuinsmore")
ANY_USE = ("consep", "tnbc", "nuinsseg", "dsb", "nucls")
SCORES = ("dice", "aji", "pq", "f1")
KEY = ["protocol", "experiment", "seed", "tested"]


def with_splits(dataset: Dataset, splits: dict[str, str]) -> Dataset:
    """The dataset, its images in the splits given by name."""
    return replace(dataset, items=tuple(replace(item, split=splits[item.name]) for item in dataset.items))


def all_tested(dataset: Dataset) -> Dataset:
    """The dataset, every image in the test."""
    return with_splits(dataset, {item.name: "test" for item in dataset.items})


def shipped(root: Path) -> Iterator[tuple[str, list[Dataset]]]:
    """All any-use sets, tested on monuseg."""
    yield "monuseg", [Dataset.load(root / name) for name in (*ANY_USE, "monuseg")]


def unseen(root: Path) -> Iterator[tuple[str, list[Dataset]]]:
    """The any-use sets, one left out in turn."""
    for left_out in ("consep", "tnbc"):
        loaded = [Dataset.load(root / name) for name in ANY_USE]
        yield left_out, [all_tested(dataset) if dataset.name == left_out else dataset for dataset in loaded]


def monuseg_column(root: Path, column: str) -> dict[str, str]:
    """A column of the table of monuseg's splits, by image."""
    with (root / "splits" / "monuseg.csv").open(newline="") as file:
        return {row["name"]: row[column] for row in csv.DictReader(file)}


def in_domain(root: Path) -> Iterator[tuple[str, list[Dataset]]]:
    """Folds of monuseg. Half of the next fold's images validate, the others train."""
    fold_of = {name: int(fold) for name, fold in monuseg_column(root, "fold").items()}
    dataset = Dataset.load(root / "monuseg")
    folds = max(fold_of.values()) + 1
    for fold in range(folds):
        following = [name for name in fold_of if fold_of[name] == (fold + 1) % folds]
        splits = {name: "test" if fold_of[name] == fold else "train" for name in fold_of}
        splits.update(dict.fromkeys(following[::2], "validation"))
        yield f"fold-{fold}", [with_splits(dataset, splits)]


def kumar(root: Path) -> Iterator[tuple[str, list[Dataset]]]:
    """Kumar's split of monuseg."""
    yield "kumar", [with_splits(Dataset.load(root / "monuseg"), monuseg_column(root, "kumar"))]


def onward(root: Path) -> Iterator[tuple[str, list[Dataset]]]:
    """All any-use sets, those that are new or unlabelled included, tested on monuseg."""
    yield "monuseg", [Dataset.load(root / name) for name in (*ANY_USE, *NEW, *UNLABELLED, "monuseg")]


PROTOCOLS: dict[str, Protocol] = {
    "shipped": shipped,
    "unseen": unseen,
    "in-domain": in_domain,
    "kumar": kumar,
    "onward": onward,
    "onward-fast": onward,
}
SHIPPED = HERE.parent / "shipped_model"
SHORT = (SHIPPED / "default.yaml", ["optimiser.epochs=8", "optimiser.steps=240", "export.int8=false"])
ONWARD = [
    *("optimiser.epochs=1", "optimiser.steps=300", "optimiser.lr=0.003", "export.int8=false"),
    "augmentation.ink_probability=0.05",
]
RECIPES: dict[str, tuple[Path, list[str]]] = {
    "shipped": SHORT,
    "unseen": SHORT,
    "in-domain": (HERE / "in_domain.yaml", []),
    "kumar": (HERE / "in_domain.yaml", []),
    "onward": (SHIPPED / "default.yaml", ["network.init=default", "network.reach=112", *ONWARD]),
    "onward-fast": (SHIPPED / "fast.yaml", ["network.init=fast", "network.reach=96", *ONWARD]),
}


def finished(run: Path, datasets: list[Dataset], config: TrainConfig) -> Path:
    """Train and test, or go on with it, unless it is done."""
    if not (run / "model" / "model.json").is_file():
        train(datasets, run, config, resume=run.is_dir())
    return run


def row_of(about: dict[str, object], runs: list[Path], tested: str) -> dict[str, object]:
    """Scores of all images of one dataset that the runs tested."""
    images = pd.concat([pd.read_csv(run / "test" / tested / "per_image.csv", dtype={"name": str}) for run in runs])
    commits = {json.loads((run / "provenance.json").read_text())["commit"] for run in runs}
    seconds = [pd.read_csv(run / "log.csv")["seconds"].sum() for run in runs]
    row = {**about, "tested": tested, "images": len(images), "minutes": round(sum(seconds) / len(runs) / 60, 1)}
    summary = summarise(images)
    for score in SCORES:
        row |= {f"{score}_{part}": round(summary.loc[score, part], 4) for part in ("mean", "low", "high")}
    return {**row, "commit": " ".join(sorted(commits))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    experiments = yaml.safe_load((HERE / "experiments.yaml").read_text())
    parser.add_argument("datasets", type=Path)
    parser.add_argument("protocol", choices=PROTOCOLS)
    known = ", ".join(experiments)
    parser.add_argument("experiment", nargs="?", default="recipe", help=f"one, or several joined by +: {known}")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    about = {key: getattr(arguments, key) for key in ("protocol", "experiment", "seed")}
    names = arguments.experiment.split("+")
    if unknown := set(names) - set(experiments):
        parser.error(f"unknown experiment {', '.join(unknown)}: experiments.yaml has {known}")
    recipe, budget = RECIPES[arguments.protocol]
    root = str(arguments.datasets)
    changes = [change.replace("DATASETS", root) for name in names for change in experiments[name]]
    config = load_config(recipe, [*budget, *changes, f"seed={arguments.seed}"])
    folder = arguments.datasets / "runs" / "accuracy" / arguments.protocol
    if config.teacher.model is not None:
        shared = config.teacher.model_copy(update={"maps": folder.parent / "teacher"})
        config = config.model_copy(update={"teacher": shared})
    runs: dict[str, list[Path]] = {}
    for part, loaded in PROTOCOLS[arguments.protocol](arguments.datasets):
        weights = config.data.weights
        datasets = [d for d in loaded if not weights or d.name in weights or not d.split("train")]
        run = finished(folder / f"{arguments.experiment}-{arguments.seed}" / part, datasets, config)
        for dataset in datasets:
            if dataset.split("test"):
                runs.setdefault(dataset.name, []).append(run)
    rows = pd.DataFrame([row_of(about, tested_in, name) for name, tested_in in runs.items()])
    print(rows.to_string(index=False))
    table = HERE / "results.csv"
    if table.is_file():
        rows = pd.concat([pd.read_csv(table), rows]).drop_duplicates(KEY, keep="last")
    rows.sort_values(KEY).to_csv(table, index=False)


if __name__ == "__main__":
    main()
