"""What each experiment changes: scores beside the recipe's, compared image by image.

    python benchmarks/accuracy/ablation.py DATASETS PROTOCOL

DATASETS and PROTOCOL are as run.py's; of every experiment the seeds count that the recipe was run with. Scores are
means over seeds. The difference in AJI is given for each seed, and as their mean with its 95 % interval over images:
what other images would have changed. What other seeds would have changed only the spread of the seeds can tell.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from nuseg.evaluation.statistics import bootstrap_ci

SCORES = {"dice": "Dice", "aji": "AJI", "pq": "PQ", "f1": "F1"}


def read_runs(folder: Path) -> dict[str, dict[int, pd.DataFrame]]:
    """Scores of the images that runs have tested, by experiment and seed, in the order of images' names."""
    runs: dict[str, dict[int, pd.DataFrame]] = defaultdict(dict)
    for run in sorted(folder.glob("*-*")):
        experiment, _, seed = run.name.rpartition("-")
        if tables := sorted(run.glob("*/test/*/per_image.csv")):
            images = pd.concat([pd.read_csv(table, dtype={"name": str}) for table in tables])
            runs[experiment][int(seed)] = images.set_index("name")[list(SCORES)].sort_index()
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("protocol")
    arguments = parser.parse_args()
    folder = arguments.datasets / "runs" / "accuracy" / arguments.protocol
    runs = read_runs(folder)
    if "recipe" not in runs:
        parser.error(f"{folder}: no finished run of the recipe: run.py DATASETS {arguments.protocol} makes one")
    recipe = runs.pop("recipe")
    table = Table("experiment", "seeds", *SCORES.values(), "AJI less the recipe's", "by seed")
    for experiment, seeds in {"recipe": recipe, **runs}.items():
        shared = sorted(set(seeds) & set(recipe))
        if not shared:
            continue
        scores = pd.concat([seeds[seed] for seed in shared]).mean()
        differences = pd.DataFrame({seed: seeds[seed]["aji"] - recipe[seed]["aji"] for seed in shared})
        mean, low, high = bootstrap_ci(differences.mean(axis=1).to_numpy())
        by_seed = ", ".join(f"{difference:+.3f}" for difference in differences.mean())
        means = (f"{scores[name]:.3f}" for name in SCORES)
        gain = () if experiment == "recipe" else (f"{mean:+.3f} ({low:+.3f} to {high:+.3f})", by_seed)
        table.add_row(experiment, str(len(shared)), *means, *gain)
    Console().print(table)


if __name__ == "__main__":
    main()
