"""What each `--quality` costs, and what it gains: seconds per mm2 against scores on a dataset.

    python benchmarks/accuracy/quality.py DATASET [--split test] [--threads 2]

DATASET is made by `nuseg prepare`; the shipped models were scored on `monuseg` of
benchmarks/shipped_model/prepare.sh. Seconds are those of the network, and of all from pixels to label image.
"""

import argparse
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation.report import score_image, summarise
from nuseg.measure.counts import image_area_mm2
from nuseg.model.store import Quality, choose_model
from nuseg.segmentation.segmenter import Segmenter

SCORES = ("dice", "aji", "pq", "f1")


def measure(dataset: Dataset, split: str, quality: Quality, threads: int | None) -> dict[str, str]:
    """Segment and score every image of a split."""
    segmenter = Segmenter.load(choose_model(quality=quality), "cpu", threads)
    config = segmenter.model.config
    rows, seconds, area = [], np.zeros(2), 0.0
    items = dataset.split(split)
    for number, item in enumerate(track([items[0], *items], quality, console=Console(stderr=True))):
        pixels, truth = load_item(item)
        start, network = time.perf_counter(), [0.0]

        def engine(batch: np.ndarray, network: list[float] = network) -> np.ndarray:
            begun = time.perf_counter()
            maps = segmenter.engine(batch)
            network[0] += time.perf_counter() - begun
            return maps

        found = Segmenter(segmenter.model, engine, threads)(pixels, item.mpp).labels
        if number:  # the first is done twice: once to warm up
            seconds += network[0], time.perf_counter() - start
            area += image_area_mm2(truth.shape, item.mpp)
            rows.append(score_image(truth, found))
    scores = summarise(pd.DataFrame(rows))
    cells = {"quality": quality, "model": config.name, "um/px": f"{config.mpp:g}", "seen": f"{config.orientations} x"}
    cells |= dict(zip(("network, s/mm2", "all, s/mm2"), (f"{value:.2f}" for value in seconds / area), strict=True))
    for name in SCORES:
        mean, low, high = scores.loc[name, ["mean", "low", "high"]]
        cells[name] = f"{mean:.3f} ({low:.3f}-{high:.3f})"
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    dataset = Dataset.load(arguments.dataset)
    rows = [measure(dataset, arguments.split, quality, arguments.threads) for quality in get_args(Quality)]
    table = Table(*rows[0], title=f"{dataset.name}, {len(dataset.split(arguments.split))} images")
    for row in rows:
        table.add_row(*row.values())
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
