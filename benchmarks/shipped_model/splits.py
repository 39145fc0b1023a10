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
    # Three neighbours of every twelve are from one organ; 170 shows a part of 159.
    block = int("159" if name == "170" else name) // 12
    return f"block {block}", "validation" if block % 10 == 4 else "train"


def only(split: str) -> Callable[[str], tuple[str, str]]:
    return lambda name: (name, split)


SETS = {
    "consep": ("consep-train", consep),
    "tnbc": ("tnbc", tnbc),
    "nuinsseg": ("nuinsseg-binary", nuinsseg),
    "dsb": ("dsb2018-stained", only("train")),
    "nucls": ("nucls-sample", only("train")),
    "dsbtest": ("dsb2018-stage1test", only("train")),
    "pcns": ("pcns-sample", only("train")),
    "monuseg": ("monuseg-train", only("test")),
}

# Images of dsbtest whose nuclei are small, and the resolution (um/px) of the others and of these.
DSBTEST_SMALL = ("1d9eacb3161f1e2b", "3c4c675825f75098", "b83d1d77935b6cfd", "c8e79ff4ac55f4b7")
DSBTEST_MPP = (0.2, 0.3)
FOLDS = 5  # of monuseg, for training in its domain
# Split of Kumar et al. ("A dataset and a technique for generalized nuclear segmentation", IEEE TMI 2017) by patient:
# its test has organs that are trained on and organs that are not. Of the others one of each organ validates.
KUMAR_TEST = (
    *("TCGA-E2-A1B5", "TCGA-E2-A14V", "TCGA-B0-5710", "TCGA-B0-5698", "TCGA-21-5784", "TCGA-21-5786", "TCGA-CH-5767"),
    *("TCGA-G9-6362", "TCGA-DK-A2I6", "TCGA-G2-A2EK", "TCGA-AY-A8YK", "TCGA-NH-A8F7", "TCGA-KB-A93J", "TCGA-RD-A8N9"),
)
KUMAR_VALIDATION = ("TCGA-AR-A1AS", "TCGA-HE-7130", "TCGA-50-5931", "TCGA-G9-6363")


def folds(index: Path) -> dict[str, int]:
    """Deal the images out to folds organ by organ, so that every fold has the same organs, as far as they go."""
    with index.open(newline="") as file:
        by_organ = sorted((row["organ"], row["name"]) for row in csv.DictReader(file))
    return {name: place % FOLDS for place, (_, name) in enumerate(by_organ)}


def kumar(name: str) -> str:
    """Split of an image of monuseg as Kumar et al. have it."""
    patient = name[: len("TCGA-00-0000")]
    if patient in KUMAR_TEST:
        return "test"
    return "validation" if patient in KUMAR_VALIDATION else "train"


data, out = map(Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
of_monuseg = {name: (fold, kumar(name)) for name, fold in folds(data / "monuseg-train" / "index.csv").items()}
for dataset, (folder, place) in SETS.items():
    with (out / f"{dataset}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("name", "group", "split", "mpp", "fold", "kumar"))
        for image in sorted((data / folder / "images").glob("*.png")):
            mpp = DSBTEST_MPP[image.stem in DSBTEST_SMALL] if dataset == "dsbtest" else ""
            table.writerow((image.stem, *place(image.stem), mpp, *of_monuseg.get(image.stem, ("", ""))))
