"""Datasets of generated fields with planted faults."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import center_of_mass

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.formats.label_image import FORMAT as LABEL_IMAGE
from nuseg.annotations.tables import NucleusTable, Points, write_nuclei, write_points
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png
from nuseg.quality.dataset_check import check_dataset
from nuseg.quality.finding import Finding
from nuseg.quality.sample import Sample

SIDE, MPP = 288, 0.25
FIELDS = 8
EVIL = "<script>alert(1)</script>"


def write_clean(folder: Path) -> Path:
    """Write a dataset of `FIELDS` fields f0, f1, ... in the splits train and test."""
    source = folder / "source"
    for number in range(FIELDS):
        pixels, labels = synthetic_field(SIDE, SIDE, 100 + number, MPP)
        write_png(source / "images" / f"f{number}.png", pixels)
        (source / "labels").mkdir(exist_ok=True)
        LABEL_IMAGE.write(Annotation(labels), source / "labels" / f"f{number}.png")
    prepare(source, folder / "dataset", PrepareSettings(mpp=MPP, split=(0.75, 0.0, 0.25)))
    return folder / "dataset"


@dataclass(frozen=True)
class Planted:
    """A dataset that may be changed."""

    root: Path

    @classmethod
    def copy_of(cls, root: Path, to: Path) -> "Planted":
        shutil.copytree(root, to)
        return cls(to)

    def names(self, split: str) -> list[str]:
        return [item.name for item in Dataset.load(self.root).split(split)]

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and labels of an image."""
        return load_item(next(item for item in Dataset.load(self.root).items if item.name == name))

    def sample(self, name: str) -> Sample:
        return Sample(name, *self.read(name), MPP)

    def write(self, name: str, *, pixels: np.ndarray | None = None, labels: np.ndarray | None = None) -> None:
        if pixels is not None:
            write_png(self.root / "images" / f"{name}.png", np.ascontiguousarray(pixels))
        if labels is not None:
            LABEL_IMAGE.write(Annotation(np.ascontiguousarray(labels)), self.root / "labels" / f"{name}.png")

    def change_labels(self, change: Callable[[np.ndarray], np.ndarray], names: Sequence[str]) -> None:
        for name in names:
            self.write(name, labels=change(self.read(name)[1]))

    def change_items(self, names: Sequence[str], **values: object) -> None:
        """Change entries of images in dataset.json."""
        path = self.root / "dataset.json"
        record = json.loads(path.read_text())
        for item in record["items"]:
            if item["name"] in names:
                item.update(values)
        path.write_text(json.dumps(record))

    def change_record(self, **values: object) -> None:
        """Change what dataset.json says of all images."""
        path = self.root / "dataset.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    def set_classes(self, classes: Callable[[str, int], str | None]) -> None:
        """Give every nucleus a class, by the name of its image and its number."""
        names = set()
        for item in Dataset.load(self.root).items:
            numbers = np.arange(1, item.nuclei + 1, dtype=np.int32)
            chosen = tuple(classes(item.name, number) for number in numbers.tolist())
            table = f"nuclei/{item.name}.csv"
            (self.root / "nuclei").mkdir(exist_ok=True)
            write_nuclei(self.root / table, NucleusTable(numbers, chosen, (None,) * item.nuclei))
            self.change_items([item.name], table=table)
            names |= {name for name in chosen if name is not None}
        self.change_record(classes=sorted(names))

    def as_points(self) -> None:
        """Replace all labels by the centres of nuclei."""
        for item in Dataset.load(self.root).items:
            labels = load_item(item)[1]
            centres = center_of_mass(labels > 0, labels, np.arange(1, item.nuclei + 1))
            xy = np.array([(x + 0.5, y + 0.5) for y, x in centres])
            (self.root / "points").mkdir(exist_ok=True)
            write_points(self.root / "points" / f"{item.name}.csv", Points(xy, (None,) * item.nuclei))
            self.change_items([item.name], label=None, points=f"points/{item.name}.csv")
        self.change_record(annotation="points")

    def found(self, *only: str) -> list[Finding]:
        """What is found without the model, by some checks or by all."""
        return list(check_dataset(self.root, use_model=False, only=only).findings)


def moved(labels: np.ndarray, down: int, right: int) -> np.ndarray:
    """Labels moved within the image; background comes in."""
    shifted = np.zeros_like(labels)
    height, width = labels.shape
    shifted[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = labels[
        max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
    ]
    return shifted


def cut_through(labels: np.ndarray, number: int, angle: float) -> np.ndarray:
    """Labels with a nucleus cut through its centre: the one half has a new number."""
    rows, columns = np.nonzero(labels == number)
    side = (rows - rows.mean()) * np.cos(angle) + (columns - columns.mean()) * np.sin(angle) > 0
    halves = labels.copy()
    halves[rows[side], columns[side]] = labels.max() + 1
    return halves


def large_and_whole(sample: Sample, least_um2: float = 20.0) -> list[int]:
    """Numbers of nuclei that are large, and do not touch the border."""
    return np.flatnonzero(sample.whole & (sample.areas * sample.mpp**2 > least_um2)).tolist()
