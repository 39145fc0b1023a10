"""Fit how far a shipped model's counts are off to counts.csv, and say how often the intervals hold.

    python benchmarks/shipped_model/count_error.py [--save]

counts.csv is written by counts.py. Prints the number found of each dataset, and what its interval would be if it were
fitted to the other datasets alone, as for a laboratory that nobody has seen. With --save the fit goes into the models.
"""

import argparse

import pandas as pd
from counts import FILE
from rich.console import Console
from rich.table import Table

from nuseg.evaluation.counting import ImageCounts, count_error, coverage, totals
from nuseg.model.store import load_model, save_config

ROWS = ["dataset", "image"]


def read_counts() -> dict[str, list[ImageCounts]]:
    """Images of each model."""
    table = pd.read_csv(FILE, dtype={"image": str})
    return {
        str(model): [
            ImageCounts(dataset, quarters["true"].to_numpy(), quarters["found"].to_numpy())
            for (dataset, _), quarters in rows.groupby(ROWS)
        ]
        for model, rows in table.groupby("model")
    }


def show_left_out(model: str, images: list[ImageCounts]) -> Table:
    """Leave out one dataset after the other."""
    columns = ("left out", "images", "true", "found", "ratio", "interval", "images within", "all within")
    table = Table(*columns, title=f"{model}: each dataset by the others")
    for name in sorted({image.dataset for image in images}):
        held = [image for image in images if image.dataset == name]
        error = count_error([image for image in images if image.dataset != name])
        assert error is not None
        together = ImageCounts(name, sum(image.true for image in held), sum(image.found for image in held))
        true, found = totals(together)
        interval = f"{error.low:.2f} to {error.high:.2f}"
        share, whole = coverage(held, error), "yes" if coverage([together], error) else "no"
        table.add_row(
            name, str(len(held)), f"{true:,}", f"{found:,}", f"{true / found:.2f}", interval, f"{share:.0%}", whole
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true")
    save = parser.parse_args().save
    console = Console()
    for name, images in read_counts().items():
        error = count_error(images)
        console.print(show_left_out(name, images), f"{name}: {error}\n")
        if save:
            model = load_model(name)
            save_config(model.config.model_copy(update={"count_error": error}), model.path)


if __name__ == "__main__":
    main()
