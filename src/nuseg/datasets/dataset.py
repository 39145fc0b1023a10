"""A nuseg dataset on disk: `dataset.json`, `images/NAME.png` and `labels/NAME.png`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from nuseg.annotations.raster import read_raw
from nuseg.errors import NusegError
from nuseg.io.documents import read_object
from nuseg.io.opening import read_image
from nuseg.io.places import InnerPath, PlainName, is_file
from nuseg.io.resolution import check_mpp
from nuseg.strict import Known, problems_of
from nuseg.text import plural, shortened, shown

VERSION = 1
SPLITS = ("train", "validation", "test")
Kind = Literal["instance", "binary"]
ANNOTATIONS: tuple[Kind, ...] = ("instance", "binary")
DESCRIPTION, AGAIN = "dataset description", "make the dataset again with nuseg prepare"


class ItemRecord(Known):
    """An item as `dataset.json` tells of it; paths are relative to its folder."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: str = Field(max_length=1000)
    image: InnerPath
    label: InnerPath
    mpp: float
    split: str
    group: str = Field(max_length=1000)
    nuclei: int = Field(ge=0, le=10**7)


class Record(Known):
    """What is read of `dataset.json`, but its items."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: PlainName  # a folder is called so where a training leaves its scores
    annotation: str
    licence: str
    source: str
    fingerprint: str = Field(max_length=200)
    items: list[Any]


@dataclass(frozen=True)
class Item:
    """One annotated image of a dataset.

    Attributes
    ----------
    name : str
        Name without suffix, unique in the dataset.
    image, label : Path
        Files of the RGB image and its label image.
    mpp : float
        Resolution in um per pixel.
    split : str
        "train", "validation" or "test".
    group : str
        What must not be shared between splits: a patient, a slide.
    nuclei : int
        Number of nuclei in the label image.
    """

    name: str
    image: Path
    label: Path
    mpp: float
    split: str
    group: str
    nuclei: int


@dataclass(frozen=True)
class Dataset:
    """Annotated images with resolution, licence and split; see `Dataset.load`.

    Attributes
    ----------
    root : Path
        The folder.
    annotation : "instance" or "binary"
        "binary": nuclei are connected components of a mask, touching ones are merged: only the mask is true.
    fingerprint : str
        SHA-256 over pixels, labels, names, splits, groups and resolutions.
    """

    root: Path
    name: str
    annotation: Kind
    licence: str
    source: str
    fingerprint: str
    items: tuple[Item, ...]

    @classmethod
    def load(cls, root: str | Path) -> "Dataset":
        """Read `dataset.json` of the folder `root`.

        Raises
        ------
        NusegError
            The folder is no dataset, `dataset.json` is damaged or newer than this nuseg, or files lack.
        """
        root = Path(root)
        tree = _read_record(root)
        where = root / "dataset.json"
        try:
            record = Record.model_validate(tree)
        except ValidationError as error:
            raise NusegError(f"{where}: damaged {DESCRIPTION} ({problems_of(error)}); {AGAIN}") from error
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
            items=tuple(_item(where, number, entry) for number, entry in enumerate(record.items)),
        )
        _check(dataset)
        return dataset

    def split(self, name: str) -> list[Item]:
        """Items of the split `name`: "train", "validation" or "test"; an empty list if it has none."""
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {name!r}")
        return [item for item in self.items if item.split == name]


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
        A file is missing or unreadable, or the two sizes differ.
    """
    try:
        pixels = read_image(item.image).pixels
        labels = read_raw(item.label, shape=(pixels.shape[0], pixels.shape[1]))
    except NusegError as problem:
        raise NusegError(f"{problem}; or {AGAIN}") from problem
    if labels.ndim != 2 or labels.dtype.kind not in "ui":
        raise NusegError(f"{item.label}: not a label image (one whole number per pixel); {AGAIN}")
    if labels.shape != pixels.shape[:2]:
        raise NusegError(
            f"{item.label}: labels are {_size(labels)} but the image {item.image.name} is {_size(pixels)} "
            f"(width x height); {AGAIN}"
        )
    return pixels, labels.astype(np.int32)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"


def _read_record(root: Path) -> dict[str, Any]:
    where = root / "dataset.json"
    if not root.is_dir():
        raise NusegError(f"{root}: no such dataset folder; make one with `nuseg prepare`")
    if not is_file(where):
        raise NusegError(f"{root}: is no nuseg dataset (no dataset.json); make one of it with `nuseg prepare`")
    record = read_object(where, DESCRIPTION, AGAIN)
    version = record.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise NusegError(
            f"{where}: format version {shown(version)} is unknown, this nuseg reads up to {VERSION}: update nuseg"
        )
    return record


def _item(where: Path, number: int, entry: Any) -> Item:
    try:
        record = ItemRecord.model_validate(entry)
    except ValidationError as error:
        raise NusegError(f"{where}: damaged {DESCRIPTION} (items.{number}: {problems_of(error)}); {AGAIN}") from error
    return Item(
        name=record.name,
        image=where.parent / record.image,
        label=where.parent / record.label,
        mpp=record.mpp,
        split=record.split,
        group=record.group,
        nuclei=record.nuclei,
    )


def _check(dataset: Dataset) -> None:
    where = dataset.root / "dataset.json"
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
    missing = [path for item in dataset.items for path in (item.image, item.label) if not is_file(path)]
    if missing:
        more = f" and {plural(len(missing) - 1, 'more file')}" if len(missing) > 1 else ""
        found = shortened(str(missing[0].relative_to(dataset.root)))
        raise NusegError(f"{where}: {found}{more} missing; copy the whole folder or {AGAIN}")
