"""Whether stated probabilities come true, and how far counts are off, on images that a model never saw.

    python benchmarks/accuracy/calibration.py DATASET OUT [--split test] [--model default]

Prints the reliability table, the expected calibration error and the errors of counts; writes reliability.png and
reliability.csv to OUT.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation.calibration import expected_calibration_error, reliability
from nuseg.evaluation.counting import ImageCounts, centroids, count_error, count_quarters, coverage
from nuseg.segmentation.segmenter import Segmenter
from nuseg.training.calibrate import matched_of


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the reliability diagram."""
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    axis.plot([0, 1], [0, 1], "k:", label="as stated")
    axis.plot(table["stated"], table["true"], marker="o", label="column probability")
    axis.set(
        xlabel="stated probability", ylabel="share that match a true nucleus (IoU > 0.5)", xlim=(0, 1), ylim=(0, 1)
    )
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    dataset = Dataset.load(arguments.dataset)
    segmenter = Segmenter.load(arguments.model, "cpu")
    stated, matched, counts = [], [], []
    for item in track(dataset.split(arguments.split), "segmenting", console=Console(stderr=True)):
        pixels, truth = load_item(item)
        result = segmenter(pixels, item.mpp)
        stated.append(result.nuclei["probability"].to_numpy())
        matched.append(matched_of(truth, result.labels, len(result)))
        true = count_quarters(*centroids(truth), truth.shape)
        found = count_quarters(result.nuclei["x_px"].to_numpy(), result.nuclei["y_px"].to_numpy(), truth.shape)
        counts.append(ImageCounts(dataset.name, true, found))
    probability, came_true = np.concatenate(stated), np.concatenate(matched)
    table = reliability(probability, came_true)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.out / "reliability.csv", index=False)
    draw(table, arguments.out / "reliability.png")

    console = Console()
    shown = Table("stated", "nuclei", "mean stated", "came true", title=f"{dataset.name}, model {arguments.model}")
    for row in table.itertuples():
        shown.add_row(f"{row.low:.1f} to {row.high:.1f}", f"{row.count}", f"{row.stated:.3f}", f"{row.true:.3f}")
    console.print(shown)
    console.print(f"expected calibration error: {expected_calibration_error(probability, came_true):.3f}")
    error = count_error(counts)
    stated_error = segmenter.model.config.count_error
    if error is not None:
        console.print(
            f"counts of {error.images} images: bias {error.bias:+.1%}, mean absolute error {error.mean_absolute:.1%}; "
            f"nine of ten true numbers of further ones are {error.low:.2f} to {error.high:.2f} times those found"
        )
    if stated_error is not None:
        console.print(
            f"the model expects {stated_error.low:.2f} to {stated_error.high:.2f} of many nuclei; intervals hold for "
            f"{coverage(counts, stated_error):.0%}"
        )


if __name__ == "__main__":
    main()
