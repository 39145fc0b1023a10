"""Scores by organ, patient or any other column that goes with the images.

    python benchmarks/accuracy/by_group.py SCORES TABLE --column organ

SCORES is what `nuseg evaluate -o SCORES` wrote, TABLE a CSV with the columns `name` and the one named, such as
monuseg-train/index.csv.
"""

import argparse
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

SCORES = {"dice": "Dice", "aji": "AJI", "pq": "PQ", "f1": "F1", "sq": "SQ"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--column", default="organ")
    arguments = parser.parse_args()
    scores = pd.read_csv(arguments.scores / "per_image.csv", dtype={"name": str})
    groups = pd.read_csv(arguments.table, dtype={"name": str})[["name", arguments.column]]
    rows = scores.merge(groups, on="name", validate="one_to_one")
    table = Table(arguments.column, "images", "true nuclei", "found", *SCORES.values())
    for group, part in rows.groupby(arguments.column):
        counts = f"{part['true_count'].sum():.0f}", f"{part['pred_count'].sum():.0f}"
        table.add_row(str(group), str(len(part)), *counts, *(f"{part[name].mean():.3f}" for name in SCORES))
    Console().print(table)


if __name__ == "__main__":
    main()
