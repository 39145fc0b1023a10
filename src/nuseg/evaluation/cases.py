"""What is compared with what: files of two folders, or a model's nuclei with a dataset's annotations."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nuseg.annotations import binary_mask, label_image
from nuseg.annotations.raw import ANNOTATION_SUFFIXES
from nuseg.datasets.checks import looks_binary
from nuseg.datasets.dataset import Item, load_item
from nuseg.datasets.names import name_search, refuse_twins, shorten, stem
from nuseg.errors import NusegError
from nuseg.io.find import list_files

LABELS_FOLDER = "labels"  # where datasets and results keep their label images
LOSSY_SUFFIXES = (".jpg", ".jpeg")  # hold masks at best: compression changes the numbers of nuclei

Predictor = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class Compared:
    """Truth and prediction of one image, (h, w) integer label images.

    Attributes
    ----------
    pixels : (h, w, 3) uint8 or None
        The image, where it is known.
    instance : bool
        Whether the truth tells touching nuclei apart.
    parted : bool
        Whether the prediction was a mask, taken apart into its connected components.
    """

    truth: np.ndarray
    prediction: np.ndarray
    pixels: np.ndarray | None = None
    instance: bool = True
    parted: bool = False


@dataclass(frozen=True)
class Case:
    """One image to score; `read` does the work and raises NusegError where it cannot be done."""

    name: str
    read: Callable[[], Compared]


@dataclass(frozen=True)
class Cases:
    """All images to score, the truths that lack a prediction, and the predictions that lack a truth."""

    cases: tuple[Case, ...]
    lonely_truths: tuple[str, ...] = ()
    lonely_predictions: tuple[str, ...] = ()


def model_cases(items: Iterable[Item], instance: bool, predict: Predictor) -> Cases:
    """Run a model on every item's image: `predict(pixels, mpp)` gives its label image."""

    def read(item: Item) -> Compared:
        pixels, truth = load_item(item)
        return Compared(truth, predict(pixels, item.mpp), pixels, instance)

    return Cases(tuple(Case(item.name, partial(read, item)) for item in items))


def dataset_cases(items: Sequence[Item], instance: bool, predictions: Path) -> Cases:
    """Pair every item with the file in `predictions` that has its name."""

    def read(item: Item, file: Path) -> Compared:
        pixels, truth = load_item(item)
        prediction, parted = read_labels(file)
        return Compared(truth, prediction, pixels, instance, parted)

    return _match({item.name: partial(read, item) for item in items}, predictions)


def folder_cases(truth: Path, predictions: Path) -> Cases:
    """Pair the label images of two folders by name."""

    def read(truth_file: Path, file: Path) -> Compared:
        labels, is_mask = read_labels(truth_file)
        prediction, parted = read_labels(file)
        return Compared(labels, prediction, None, not is_mask, parted)

    return _match({stem(file): partial(read, file) for file in find_labels(truth)}, predictions)


def find_labels(folder: Path) -> list[Path]:
    """Label images in a folder, or in its folder `labels`, as `nuseg segment` makes one.

    Raises
    ------
    NusegError
        No such folder, no label images in it, or two of one name.
    """
    if not folder.is_dir():
        raise NusegError(f"{folder}: no such folder; expected one with label images")
    for place in (folder, folder / LABELS_FOLDER):
        if not place.is_dir():
            continue
        files = list_files(place, ANNOTATION_SUFFIXES)
        refuse_twins(files)
        if files:
            return files
    raise NusegError(f"{folder}: no label images found ({', '.join(ANNOTATION_SUFFIXES)})")


def read_labels(path: Path) -> tuple[np.ndarray, bool]:
    """Read a label image, or a mask as its connected components.

    Returns
    -------
    labels : (h, w) integer
    parted : bool
        Whether it was a mask: one value for all nuclei (0/255, 0/1), or a JPEG.

    Raises
    ------
    NusegError
        Unreadable, or no label image.
    """
    if path.suffix.lower() in LOSSY_SUFFIXES:
        return binary_mask.read(path), True
    labels = label_image.read_stored(path)
    if looks_binary(labels):
        return binary_mask.components(labels > 0), True
    return labels.astype(np.uint8) if labels.dtype == bool else labels, False


def _match(readers: dict[str, Callable[[Path], Compared]], folder: Path) -> Cases:
    """Give every truth the prediction of its name, as it is or without endings such as `_labels`."""
    predictions = find_labels(folder)
    find = name_search(predictions)
    cases, lonely, used = [], [], set()
    for name, read in readers.items():
        fitting = find(name, shorten(name))
        if len(fitting) > 1:
            listed = ", ".join(file.name for file in fitting)
            raise NusegError(f"{folder}: several predictions fit {name} ({listed}); leave one of them")
        if fitting and fitting[0] in used:
            raise NusegError(f"{fitting[0]}: fits several true label images; name them alike")
        if fitting:
            used.add(fitting[0])
            cases.append(Case(name, partial(read, fitting[0])))
        else:
            lonely.append(name)
    if not cases:
        raise NusegError(
            f"{folder}: no prediction has the name of a true label image: expected {next(iter(readers))}.png or "
            f".tiff, found {predictions[0].name}"
        )
    return Cases(tuple(cases), tuple(lonely), tuple(f.name for f in predictions if f not in used))
