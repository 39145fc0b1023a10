"""Whether normalising the stain before the model helps, on sets that it did not learn from.

    python benchmarks/accuracy/stain.py DATASETS [--sets monuseg consep tnbc] [--models default fast] [--limit 2]
    python benchmarks/accuracy/stain.py DATASETS --left-out DATASETS/runs/accuracy/unseen/recipe-0 --sets consep tnbc

DATASETS is made by benchmarks/shipped_model/prepare.sh. Each image is segmented as it is and normalised by each method
to the target that comes with nuseg, and scored. The shipped models learned from all sets but monuseg: for the others
`--left-out` names the folder of runs of `run.py DATASETS unseen`, where SET holds a model trained without SET. The
target is fitted on an image of nucls, so that set is not scored.

Prints means, and the mean difference from the image as it is with its 95 % bootstrap interval over images, and writes
one row per image to stain.csv beside this file, in place of earlier ones of the same model, set, method and image.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from nuseg.datasets.dataset import Dataset, Item, load_item
from nuseg.evaluation.report import score_image
from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.preprocess.stain.registry import shipped_targets
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter

FILE = Path(__file__).with_name("stain.csv")
NONE = "none"
SCORES = ("dice", "aji", "pq", "f1")
KEY = ["model", "set", "method", "image"]


def rows_of(segmenter: Segmenter, model: str, dataset: Dataset, items: list[Item]) -> Iterator[dict[str, Any]]:
    """Scores of each image by each method, and as it is."""
    options = SegmentOptions(tissue=False)
    for item in track(items, f"{model}, {dataset.name}", console=Console(stderr=True)):
        pixels, labels = load_item(item)
        for method in (NONE, *shipped_targets()):
            stain = None if method == NONE else method
            found = segmenter(pixels, item.mpp, options=replace(options, stain=stain)).labels
            scores = score_image(labels, found, dataset.annotation == "instance")
            yield dict(zip(KEY, (model, dataset.name, method, item.name), strict=True)) | {
                name: scores[name] for name in SCORES if name in scores
            }


def summary(rows: pd.DataFrame) -> Table:
    """Means by model, set and method, and how far they lie from those of the image as it is."""
    table = Table("model", "set", "images", "method", *SCORES, *(f"{name}, change" for name in SCORES))
    for (model, name), part in rows.groupby(["model", "set"], sort=False):
        plain = part[part["method"] == NONE].set_index("image")
        for method, of_method in part.groupby("method", sort=False):
            scores = of_method.set_index("image")
            means = [f"{scores[score].mean():.4f}" for score in SCORES]
            changes = [change(scores[score] - plain[score]) if method != NONE else "" for score in SCORES]
            table.add_row(str(model), str(name), str(len(scores)), str(method), *means, *changes)
    return table


def change(differences: pd.Series) -> str:
    """Mean difference with its interval."""
    mean, low, high = bootstrap_ci(differences.to_numpy())
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--sets", nargs="+", default=["monuseg"])
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("--left-out", type=Path, help="folder with a run per set, trained without it")
    parser.add_argument("--limit", type=int, help="images of each set, to try it")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    for name in arguments.sets:
        dataset = Dataset.load(arguments.datasets / name)
        left_out = arguments.left_out and {f"without {name}": arguments.left_out / name}
        for title, model in (left_out or dict(zip(arguments.models, arguments.models, strict=True))).items():
            segmenter = Segmenter.load(model, "cpu", arguments.threads)
            found += rows_of(segmenter, title, dataset, list(dataset.items[: arguments.limit]))
    rows = pd.DataFrame(found)
    Console(width=200).print(summary(rows.reindex(columns=[*KEY, *SCORES])))
    if arguments.limit is None:
        if FILE.is_file():
            rows = pd.concat([pd.read_csv(FILE, dtype={"image": str}), rows]).drop_duplicates(KEY, keep="last")
        rows.sort_values(KEY).round(4).to_csv(FILE, index=False)


if __name__ == "__main__":
    main()
