"""Count the nuclei that models find, and that people annotated, in images that the models did not learn from.

    python benchmarks/shipped_model/counts.py DATASETS DATA [MODEL ...]

DATASETS is made by prepare.sh of DATA. Writes counts.csv beside this file, a line for each quarter of an image;
count_error.py fits to it how far counts are off. To be done whenever the way from maps to nuclei changes.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation.counting import centroids, count_quarters
from nuseg.io.opening import read_image
from nuseg.model.store import shipped_models
from nuseg.segmentation.segmenter import Segmenter
from nuseg.types import RGB, Floats

FILE = Path(__file__).with_name("counts.csv")
SPLITS = {"consep": "validation", "tnbc": "validation", "monuseg": "test"}  # that no weight was fitted to
POINTS, POINTS_MPP = "brca-m2c", 0.5  # Abousamra et al., ICCV 2021: a point for each nucleus


class Annotated(NamedTuple):
    """An image with the places of its nuclei, x and y in px."""

    dataset: str
    name: str
    pixels: RGB
    mpp: float
    x: Floats
    y: Floats


def images(datasets: Path, data: Path) -> Iterator[Annotated]:
    for name, split in SPLITS.items():
        for item in Dataset.load(datasets / name).split(split):
            pixels, labels = load_item(item)
            yield Annotated(name, item.name, pixels, item.mpp, *centroids(labels))
    for path in sorted((data / POINTS / "points").glob("*.csv")):
        points = pd.read_csv(path)
        pixels = read_image(data / POINTS / "images" / f"{path.stem}.jpg").pixels
        x, y = (points[axis].to_numpy(np.float64) + 0.5 for axis in "xy")
        yield Annotated(POINTS, path.stem, pixels, POINTS_MPP, x, y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", default=shipped_models())
    arguments = parser.parse_args()
    segmenters = {name: Segmenter.load(name, "cpu") for name in arguments.models}
    rows = []
    for image in track(list(images(arguments.datasets, arguments.data)), console=Console(stderr=True)):
        shape = image.pixels.shape[:2]
        true = count_quarters(image.x, image.y, shape)
        for name, segmenter in segmenters.items():
            nuclei = segmenter(image.pixels, image.mpp).nuclei
            found = count_quarters(nuclei["x_px"].to_numpy(), nuclei["y_px"].to_numpy(), shape)
            rows += [
                (name, image.dataset, image.name, quarter, *counts)
                for quarter, counts in enumerate(zip(true.tolist(), found.tolist(), strict=True))
            ]
    table = pd.DataFrame(rows, columns=["model", "dataset", "image", "quarter", "true", "found"])
    table.sort_values(["model", "dataset", "image", "quarter"], kind="stable").to_csv(FILE, index=False)


if __name__ == "__main__":
    main()
