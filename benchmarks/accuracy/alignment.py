"""How far annotations lie beside the nuclei that they outline, and what that costs in scores.

    python benchmarks/accuracy/alignment.py DATASET [DATASET ...] [--split test] [--model default]

For each image, the shift of the labels is searched at which the optical density just inside of them exceeds that just
outside the most, as `nuseg check` does it: no network takes part. Then the model segments the split's images, and is
scored with the labels as they are and moved by the mean shift, in whole pixels.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation.report import score_image
from nuseg.quality.alignment import best_shift, edge_contrast
from nuseg.segmentation.segmenter import Segmenter

SCORES = ("dice", "aji", "pq", "f1")


def moved_scores(truth: np.ndarray, found: np.ndarray, down: int, right: int) -> dict[str, float]:
    """Scores with the truth moved, on the part of the image that both cover."""
    height, width = truth.shape
    top, left = max(0, down), max(0, right)
    bottom, end = height + min(0, down), width + min(0, right)
    there = truth[top - down : bottom - down, left - right : end - right]
    return score_image(there, found[top:bottom, left:end])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    segmenter = Segmenter.load(arguments.model, "cpu")
    shifts = Table("dataset", "images", "down, px", "right, px", title="shift that brings the labels onto the nuclei")
    scores = Table("dataset", "labels", *SCORES)
    for path in arguments.datasets:
        dataset = Dataset.load(path)
        loaded = [load_item(item) for item in track(dataset.items, dataset.name, console=Console(stderr=True))]
        found_shifts = np.array([best_shift(edge_contrast(*pair)) for pair in loaded])
        mean, spread = found_shifts.mean(axis=0), found_shifts.std(axis=0)
        cells = (f"{m:+.2f} (SD {s:.2f})" for m, s in zip(mean, spread, strict=True))
        shifts.add_row(dataset.name, str(len(loaded)), *cells)
        if dataset.annotation != "instance" or not dataset.split(arguments.split):
            continue
        down, right = (round(value) for value in mean)
        segmented = [
            (labels, segmenter(pixels, item.mpp).labels)
            for item, (pixels, labels) in zip(dataset.items, loaded, strict=True)
            if item.split == arguments.split
        ]
        for name, move in (("as annotated", (0, 0)), (f"moved {down} px down, {right} px right", (down, right))):
            rows = pd.DataFrame([moved_scores(*pair, *move) for pair in segmented])
            scores.add_row(dataset.name, name, *(f"{rows[score].mean():.4f}" for score in SCORES))
    for table in (shifts, scores):
        if table.row_count:
            Console().print(table)


if __name__ == "__main__":
    main()
