"""A nuseg dataset on disk: `dataset.json`, `images/NAME.png`, and what is known of each image.

That is `labels/NAME.png` with one number per nucleus, or `points/NAME.csv`; `nuclei/NAME.csv` where nuclei have classes
or ids; `ignore/NAME.png` where not everything is known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from nuseg.annotations.dataset_file import AGAIN, FILE, ItemRecord, item_records, read_record
from nuseg.annotations.dataset_file import VERSION as VERSION
from nuseg.annotations.raster import read_raw
from nuseg.annotations.tables import NucleusTable, Points, read_nuclei, read_points
from nuseg.errors import NusegError
from nuseg.io.opening import read_image
from nuseg.io.places import is_file
from nuseg.io.resolution import check_mpp
from nuseg.text import plural, shortened, shown
from nuseg.types import RGB, Mask

SPLITS = ("train", "validation", "test")
Kind = Literal["instance", "binary", "points"]
ANNOTATIONS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Item:
    """One annotated image of a dataset.

    Attributes
    ----------
    name : str
        Name without suffix, unique in the dataset.
    image : Path
        File of the RGB image.
    label : Path or None
        File of its label image; None where nuclei are points.
    mpp : float
        Resolution in um per pixel.
    split : str
        "train", "validation" or "test".
    group : str
        What must not be shared between splits: a patient, a slide.
    nuclei : int
        Number of nuclei in the label image, or of points.
    table : Path or None
        File of classes and ids of nuclei; None where they have none.
    ignore : Path or None
        File of the mask of what is not known; None where everything is.
    points : Path or None
        File of the points; None where there are none.
    """

    name: str
    image: Path
    label: Path | None
    mpp: float
    split: str
    group: str
    nuclei: int
    table: Path | None = None
    ignore: Path | None = None
    points: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Annotated images with resolution, licence and split; see `Dataset.load`.

    Attributes
    ----------
    root : Path
        The folder.
    annotation : "instance", "binary" or "points"
        "binary": nuclei are connected components of a mask, touching ones are merged: only the mask is true.
        "points": every nucleus is a point; there are no label images.
    fingerprint : str
        SHA-256 over pixels, labels, classes, points, ignored areas, names, splits, groups and resolutions.
    classes : tuple of str
        Names of classes; empty where nuclei have none.
    """

    root: Path
    name: str
    annotation: Kind
    licence: str
    source: str
    fingerprint: str
    items: tuple[Item, ...]
    classes: tuple[str, ...] = ()

    @classmethod
    def load(cls, root: str | Path) -> "Dataset":
        """Read `dataset.json` of the folder `root`.

        Raises
        ------
        NusegError
            The folder is no dataset, `dataset.json` is damaged or newer than this nuseg, or files lack.
        """
        root = Path(root)
        where, record = root / FILE, read_record(root)
        annotation = next((kind for kind in ANNOTATIONS if kind == record.annotation), None)
        if annotation is None:
            raise NusegError(
                f"{where}: annotation must be one of {', '.join(ANNOTATIONS)}, not {shown(record.annotation)}"
            )
        dataset = cls(
            root=root,
            name=record.name,
            annotation=annotation,
            licence=record.licence,
            source=record.source,
            fingerprint=record.fingerprint,
            items=tuple(_item(root, item) for item in item_records(root, record)),
            classes=tuple(record.classes),
        )
        _check(dataset)
        return dataset

    def split(self, name: str) -> list[Item]:
        """Items of the split `name`: "train", "validation" or "test"; an empty list if it has none."""
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {name!r}")
        return [item for item in self.items if item.split == name]


def load_pixels(item: Item) -> RGB:
    """Read an item's pixels, `(h, w, 3)` uint8 RGB.

    Raises
    ------
    NusegError
        The file is missing or unreadable.
    """
    try:
        return read_image(item.image).pixels
    except NusegError as problem:
        raise NusegError(f"{problem}; or {AGAIN}") from problem


def load_item(item: Item) -> tuple[np.ndarray, np.ndarray]:
    """Read an item's pixels and labels.

    Returns
    -------
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32
        Label image, 0 = background, 1..N = nuclei.

    Raises
    ------
    NusegError
        A file is missing or unreadable, the two sizes differ, or nuclei are points.
    """
    if item.label is None:
        raise NusegError(f"{item.image}: its nuclei are annotated by points, expected a label image; {AGAIN} of one")
    pixels = load_pixels(item)
    labels = _read_plane(item.label, item, (pixels.shape[0], pixels.shape[1]), "labels are", "a label image")
    return pixels, labels.astype(np.int32)


def load_with_ignore(item: Item) -> tuple[np.ndarray, np.ndarray, Mask]:
    """Read an item's pixels and labels, as `load_item` does, and where its content is not known: see `load_ignore`."""
    pixels, labels = load_item(item)
    return pixels, labels, load_ignore(item, (labels.shape[0], labels.shape[1]))


def load_ignore(item: Item, shape: tuple[int, int]) -> Mask:
    """Read where an item's content is not known.

    Parameters
    ----------
    item : Item
    shape : (h, w)
        Size of its image (px).

    Returns
    -------
    (h, w) bool
        True: not known, neither nucleus nor background; False everywhere where nothing is ignored.

    Raises
    ------
    NusegError
        The file is unreadable, or of another size.
    """
    if item.ignore is None:
        return np.zeros(shape, bool)
    return _read_plane(item.ignore, item, shape, "the mask is", "a mask") > 0


def load_table(item: Item) -> NucleusTable:
    """Read classes and ids of an item's nuclei, one row per nucleus; without any where the dataset has none.

    Raises
    ------
    NusegError
        The file is unreadable.
    """
    if item.table is None:
        nothing = (None,) * item.nuclei
        return NucleusTable(np.arange(1, item.nuclei + 1, dtype=np.int32), nothing, nothing)
    return read_nuclei(item.table)


def load_points(item: Item) -> Points:
    """Read the points of an item's nuclei.

    Raises
    ------
    NusegError
        It has none, or the file is unreadable.
    """
    if item.points is None:
        raise NusegError(f"{item.image}: has no points in its dataset, expected nuclei annotated by points; {AGAIN}")
    return read_points(item.points)


def _read_plane(path: Path, item: Item, shape: tuple[int, int], size_of: str, kind: str) -> np.ndarray:
    """Read whole numbers, one per pixel of an image of `shape`."""
    try:
        values = read_raw(path, shape=shape)
    except NusegError as problem:
        raise NusegError(f"{problem}; or {AGAIN}") from problem
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise NusegError(f"{path}: not {kind} (one whole number per pixel); {AGAIN}")
    if values.shape != shape:
        raise NusegError(
            f"{path}: {size_of} {_size(values.shape)} but the image {item.image.name} is {_size(shape)} "
            f"(width x height); {AGAIN}"
        )
    return values


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _item(root: Path, record: ItemRecord) -> Item:
    def file(place: str | None) -> Path | None:
        return None if place is None else root / place

    return Item(
        name=record.name,
        image=root / record.image,
        label=file(record.label),
        mpp=record.mpp,
        split=record.split,
        group=record.group,
        nuclei=record.nuclei,
        table=file(record.table),
        ignore=file(record.ignore),
        points=file(record.points),
    )


def _check(dataset: Dataset) -> None:
    where = dataset.root / FILE
    if not dataset.items:
        raise NusegError(f"{where}: has no images")
    names: set[str] = set()
    for item in dataset.items:
        name = shortened(item.name)
        if item.name in names:
            raise NusegError(f"{where}: the name {name} occurs twice")
        names.add(item.name)
        if item.split not in SPLITS:
            raise NusegError(f"{where}: split of {name} must be one of {', '.join(SPLITS)}, not {shown(item.split)}")
        check_mpp(item.mpp, f"{where}: {name}", f"{AGAIN} mpp=")
        needed = "points" if dataset.annotation == "points" else "label"
        if getattr(item, needed) is None:
            raise NusegError(f"{where}: {name} has no {needed}, needed by annotation {dataset.annotation}; {AGAIN}")
    files = [(item.image, item.label, item.table, item.ignore, item.points) for item in dataset.items]
    missing = [path for paths in files for path in paths if path is not None and not is_file(path)]
    if missing:
        more = f" and {plural(len(missing) - 1, 'more file')}" if len(missing) > 1 else ""
        found = shortened(str(missing[0].relative_to(dataset.root)))
        raise NusegError(f"{where}: {found}{more} missing; copy the whole folder or {AGAIN}")
