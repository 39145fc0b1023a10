"""Datasets with classes for the shipped model: CoNSeP's outlines in HoVer-Net's four classes, and BRCA-M2C's points.

python classes.py DATA OUT

DATA has consep-train (images, labels and types.csv with the columns name, nucleus and type) and brca-m2c (images, and
points with the columns y, x and class). OUT gets the datasets consep and brca, and for consep the annotations that it
was made of, as HoVer-Net writes them.
"""

import argparse
import csv
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.prepare import prepare
from nuseg.datasets.settings import PrepareSettings

CONSEP = {"1": "other", "2": "inflammatory", "3": "epithelial", "4": "spindle-shaped"}
BRCA = "1=inflammatory,2=epithelial,3=spindle-shaped"
CONSEP_VALIDATION = ("train_1", "train_2", "train_3", "train_4")  # as the shipped model was trained
BRCA_VALIDATION = 5  # one patient of so many


def write_consep(data: Path, out: Path) -> None:
    """Bring the types of CoNSeP's nuclei into files of HoVer-Net, beside their labels."""
    types: dict[str, dict[int, str]] = defaultdict(dict)
    with (data / "types.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            types[row["name"]][int(row["nucleus"])] = CONSEP[row["type"]]
    for path in sorted((data / "labels").glob("*.png")):
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.int32)
        present = np.unique(labels[labels > 0]).tolist()
        names = tuple(types[path.stem].get(number) for number in present)
        annotation = Annotation(labels, classes=names, vocabulary=tuple(CONSEP.values()))
        annotation_formats["hovernet"].write(annotation, out / f"{path.stem}.mat")


def write_splits(names: list[tuple[str, str, str]], path: Path) -> None:
    """Write name, group and split of each image."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("name", "group", "split"))
        table.writerows(names)


def consep_split(name: str) -> tuple[str, str, str]:
    return name, name, "validation" if name in CONSEP_VALIDATION else "train"


def brca_split(name: str) -> tuple[str, str, str]:
    patient = name[: len("TCGA-00-0000")]
    return name, patient, "train" if zlib.crc32(patient.encode()) % BRCA_VALIDATION else "validation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    consep, brca = given.data / "consep-train", given.data / "brca-m2c"
    typed = given.out / "consep-typed"
    typed.mkdir(exist_ok=True)
    write_consep(consep, typed)
    common = {"group_column": "group", "split_column": "split", "overwrite": True}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "consep.csv"
        write_splits([consep_split(path.stem) for path in sorted((consep / "images").glob("*.png"))], table)
        settings = PrepareSettings(
            name="consep",
            labels=str(typed.resolve()),
            mpp=0.25,
            licence="Apache-2.0",
            source="CoNSeP, training images (Graham et al., MedIA 2019)",
            table=table,
            **common,
        )
        prepare(consep, given.out / "consep", settings)
        table = Path(folder) / "brca.csv"
        write_splits([brca_split(path.stem) for path in sorted((brca / "images").iterdir())], table)
        settings = PrepareSettings(
            name="brca",
            labels="points",
            mpp=0.5,
            classes=BRCA,
            licence="BSD-3-Clause",
            source="BRCA-M2C, training images (Abousamra et al., ICCV 2021)",
            table=table,
            **common,
        )
        prepare(brca, given.out / "brca", settings)


main()
