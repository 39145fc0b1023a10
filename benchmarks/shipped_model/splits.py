"""Which images of each set train, validate and test the shipped model: by patient, block of neighbours or image.

python splits.py DATA OUT
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path


def tnbc(name: str) -> tuple[str, str]:
    patient = name.partition("_")[0]
    return patient, "validation" if patient in ("02", "08") else "train"


def consep(name: str) -> tuple[str, str]:
    return name, "validation" if name in ("train_1", "train_2", "train_3", "train_4") else "train"


def nuinsseg(name: str) -> tuple[str, str]:
    block = int(name) // 12  # three neighbours of every twelve, from one organ
    return f"block {block}", "validation" if block % 10 == 4 else "train"


def only(split: str) -> Callable[[str], tuple[str, str]]:
    return lambda name: (name, split)


SETS = {
    "consep": ("consep-train", consep),
    "tnbc": ("tnbc", tnbc),
    "nuinsseg": ("nuinsseg-binary", nuinsseg),
    "dsb": ("dsb2018-stained", only("train")),
    "nucls": ("nucls-sample", only("train")),
    "monuseg": ("monuseg-train", only("test")),
}

FOLDS = 5  # of monuseg, for training in its domain


def folds(index: Path) -> dict[str, int]:
    """Deal the images out to folds organ by organ, so that every fold has the same organs, as far as they go."""
    with index.open(newline="") as file:
        by_organ = sorted((row["organ"], row["name"]) for row in csv.DictReader(file))
    return {name: place % FOLDS for place, (_, name) in enumerate(by_organ)}


data, out = map(Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
fold_of = folds(data / "monuseg-train" / "index.csv")
for dataset, (folder, place) in SETS.items():
    with (out / f"{dataset}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("name", "group", "split", "fold"))
        for image in sorted((data / folder / "images").glob("*.png")):
            table.writerow((image.stem, *place(image.stem), fold_of.get(image.stem, "")))
