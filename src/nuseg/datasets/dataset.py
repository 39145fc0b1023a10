"""A nuseg dataset on disk: `dataset.json`, `images/NAME.png` and `labels/NAME.png`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nuseg.annotations.raster import read_raw
from nuseg.errors import NusegError
from nuseg.io.opening import read_image
from nuseg.io.resolution import check_mpp
from nuseg.text import plural

VERSION = 1
SPLITS = ("train", "validation", "test")
ANNOTATIONS = ("instance", "binary")
AGAIN = "make the dataset again with nuseg prepare"


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
    annotation: Literal["instance", "binary"]
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
        record = _read_record(root)
        where = root / "dataset.json"
        try:
            items = tuple(_item(root, entry) for entry in record["items"])
            dataset = cls(
                root=root,
                name=str(record["name"]),
                annotation=record["annotation"],
                licence=str(record["licence"]),
                source=str(record["source"]),
                fingerprint=str(record["fingerprint"]),
                items=items,
            )
        except KeyError as missing:
            raise NusegError(f"{where}: lacks {missing}; make the dataset again with `nuseg prepare`") from None
        except (TypeError, ValueError) as problem:
            raise NusegError(f"{where}: damaged ({problem}); {AGAIN}") from None
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
    try:
        record = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NusegError(
            f"{root}: is no nuseg dataset (no dataset.json); make one of it with `nuseg prepare`"
        ) from None
    except (OSError, ValueError) as problem:
        raise NusegError(f"{where}: cannot be read ({problem})") from None
    if not isinstance(record, dict):
        raise NusegError(f"{where}: expected a JSON object, found {type(record).__name__}")
    version = record.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise NusegError(
            f"{where}: format version {version!r} is unknown, this nuseg reads up to {VERSION}: update nuseg"
        )
    return record


def _item(root: Path, entry: dict[str, Any]) -> Item:
    return Item(
        name=str(entry["name"]),
        image=root / entry["image"],
        label=root / entry["label"],
        mpp=float(entry["mpp"]),
        split=str(entry["split"]),
        group=str(entry["group"]),
        nuclei=int(entry["nuclei"]),
    )


def _check(dataset: Dataset) -> None:
    where = dataset.root / "dataset.json"
    if dataset.annotation not in ANNOTATIONS:
        raise NusegError(f"{where}: annotation must be one of {', '.join(ANNOTATIONS)}, not {dataset.annotation!r}")
    if not dataset.items:
        raise NusegError(f"{where}: has no images")
    names: set[str] = set()
    for item in dataset.items:
        if item.name in names:
            raise NusegError(f"{where}: the name {item.name} occurs twice")
        names.add(item.name)
        if item.split not in SPLITS:
            raise NusegError(f"{where}: split of {item.name} must be one of {', '.join(SPLITS)}, not {item.split!r}")
        check_mpp(item.mpp, f"{where}: {item.name}", f"{AGAIN} mpp=")
    missing = [path for item in dataset.items for path in (item.image, item.label) if not path.is_file()]
    if missing:
        more = f" and {plural(len(missing) - 1, 'more file')}" if len(missing) > 1 else ""
        raise NusegError(f"{where}: {missing[0]}{more} missing; copy the whole folder or {AGAIN}")
