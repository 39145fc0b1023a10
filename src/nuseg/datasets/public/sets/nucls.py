"""NuCLS: breast cancer from TCGA, nuclei as outlines or as boxes in one table per image, seven classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, rectangle
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tables import read_rows
from nuseg.datasets.public.tcga import patient
from nuseg.datasets.public.tree import Tree
from nuseg.errors import NusegError
from nuseg.text import plural, shortened

CLASSES = (
    "tumor_nonMitotic",
    "tumor_mitotic",
    "nonTILnonMQ_stromal",
    "macrophage",
    "lymphocyte",
    "plasma_cell",
    "other_nucleus",
    "AMBIGUOUS",
)
_CLASS_COLUMNS = ("main_classification", "raw_classification", "group")
_FRAME = "fov"
_CORRECTED = "correction_"
_FOLD = "fold_1_"


class NuclsTable(AnnotationFormat):
    """A table with an outline or a box in each row."""

    name = "nucls"
    help = "tables of NuCLS"
    suffixes = (".csv",)
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the suffix."""
        return Sniff(SURE, f"{path.name} ends as a table") if self.claims(path) else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read outlines as nuclei, boxes as vague regions.

        Raises
        ------
        NusegError
            Columns missing, or no numbers where corners are expected.
        """
        polygons: list[shapely.Geometry] = []
        classes: list[str | None] = []
        boxes: list[shapely.Geometry] = []
        for row in read_rows(path, ("type", "xmin", "ymin", "xmax", "ymax", "coords_x", "coords_y")):
            name = next((row[column] for column in _CLASS_COLUMNS if row.get(column)), "").removeprefix(_CORRECTED)
            if name.lower() == _FRAME:
                continue
            if row["type"] == "polyline" and row["coords_x"]:
                points = np.stack([_numbers(row[axis], path) for axis in ("coords_x", "coords_y")], axis=1)
                outline = area([points]) if len(points) > 2 else None
                if outline is not None and not outline.is_empty:
                    polygons.append(outline)
                    classes.append(name or None)
            else:
                corners = (float(_numbers(row[side], path)[0]) for side in ("xmin", "ymin", "xmax", "ymax"))
                boxes.append(rectangle(*corners))
        boxed = f"{plural(len(boxes), 'nucleus', 'nuclei')} with a box in place of an outline: vague"
        notes = (boxed,) if boxes else ()
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            vocabulary=CLASSES,
            vague=tuple(boxes),
            notes=notes,
        )


class NuCls(PublicDataset):
    """The corrected single-rater data."""

    name = "nucls"
    title = "NuCLS, corrected single-rater"
    images = 1744
    nuclei = 59485
    organs = "breast"
    mpp = 0.2
    magnification = "40x, resampled"
    licence = "CC0 1.0"
    commercial = "allowed"
    citation = "Amgad et al., GigaScience 11 (2022) giac037, doi:10.1093/gigascience/giac037"
    address = "https://sites.google.com/view/nucls"
    split = "the first of the authors' folds, which part hospitals: fold_1_train.csv and fold_1_test.csv"
    layout = "'rgb/TCGA-*.png' with 'csv/TCGA-*.csv', and 'train_test_splits/fold_1_train.csv' and 'fold_1_test.csv'"
    by_hand = "download QC (corrected single-rater, Google Drive) from https://sites.google.com/view/nucls/single-rater"
    note = "many nuclei have only a box: they are kept apart from the nuclei, as vague"
    classes = CLASSES

    def content(self, tree: Tree) -> Content:
        """Match images with tables of their name; a slide's fold is its image's."""
        tables = [file for file in tree.select((".csv",), within="csv") if file.stem.upper().startswith("TCGA")]
        content = self.matched(pictures(tree, within="rgb"), tables, NuclsTable())
        folds = read_folds(tree)
        notes = () if folds else (f"no {_FOLD}test.csv, which names the authors' split: split by shares instead",)
        items = tuple(replace(item, split=folds.get(item.name.split("_")[0])) for item in content.items)
        return replace(content, items=items, notes=notes)

    def group_of(self, name: str) -> str:
        """The patient."""
        return patient(name)


def read_folds(tree: Tree) -> dict[str, str]:
    """Give the split of every slide by the authors' tables; empty where there are none."""
    folds: dict[str, str] = {}
    for file in tree.select((".csv",)):
        for split in ("train", "test"):
            if file.stem.lower() == f"{_FOLD}{split}":
                folds.update((row["slide_name"], split) for row in read_rows(file.path, ("slide_name",)))
    return folds


def _numbers(text: str, path: Path) -> np.ndarray:
    try:
        numbers = np.array([float(word) for word in text.split(",")], np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise NusegError(f"{path}: expected numbers with commas between, found {shortened(text)!r}; download it again")
    return numbers


DATASET = NuCls()
