"""nuseg's own datasets: a folder that `nuseg prepare` wrote.

Of every image the label image is read with classes and ids, or its points, and what is not known of it. Resolutions are
those of `dataset.json`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, Canvas, some
from nuseg.annotations.dataset_file import FILE, ItemRecord, item_records, read_record
from nuseg.annotations.documents import unknown_image
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import present_labels
from nuseg.annotations.pictures import areas_of
from nuseg.annotations.raster import read_raw
from nuseg.annotations.tables import read_nuclei, read_points
from nuseg.errors import NusegError
from nuseg.io.places import is_file


class DatasetFolder(AnnotationFormat):
    """A dataset."""

    name = "dataset"
    help = "a dataset of nuseg prepare, with classes, ids, points and what is not known"
    kept = "labels or points, classes, ids, ignored areas, image names and resolutions"
    lost = "split, groups, licence"
    convention = "pixels of the image; points in px from its upper left corner"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise `dataset.json`."""
        return Sniff(SURE, f"{path.name} is a nuseg dataset") if is_file(path / FILE) else None

    def find(self, folder: Path) -> list[Path]:
        """Give the folder itself if it is one."""
        return [folder] if self.sniff(folder) is not None else []

    def index(self, path: Path) -> list[str]:
        """Name the images."""
        return list(_items(path))

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read what is known of one image.

        Raises
        ------
        NusegError
            The dataset is damaged, or has no such image.
        """
        items = _items(path)
        if image not in items:
            raise unknown_image(path, image, items)
        item = items[image]
        canvas = Canvas(name=Path(item.image).name, mpp=item.mpp)
        if item.label is None:
            found = _points(path, item)
        else:
            found = _labels(path, item, read_raw(path / item.label, shape=shape))
        vague = () if item.ignore is None else areas_of(read_raw(path / item.ignore) > 0)
        order = tuple(name for name in read_record(path).classes if name in (found.classes or ()))
        return replace(found, canvas=canvas, vague=vague, vocabulary=order)


FORMAT = DatasetFolder()


def _items(path: Path) -> dict[str, ItemRecord]:
    return {item.name: item for item in item_records(path, read_record(path))}


def _points(path: Path, item: ItemRecord) -> Annotation:
    if item.points is None:
        raise NusegError(f"{path / FILE}: {item.name} has neither label image nor points; make the dataset again")
    read = read_points(path / item.points)
    return Annotation(points=read.xy, classes=some(read.classes))


def _labels(path: Path, item: ItemRecord, labels: np.ndarray) -> Annotation:
    """Join a label image with the rows of its nuclei."""
    if item.table is None:
        return Annotation(labels)
    table = read_nuclei(path / item.table)
    rows = {label: row for row, label in enumerate(table.labels.tolist())}
    places = [rows.get(label) for label in present_labels(labels).tolist()]
    classes, ids = (
        some(None if place is None else held[place] for place in places) for held in (table.classes, table.ids)
    )
    return Annotation(labels, classes=classes, ids=ids)
