"""What is compared with what: files of two folders, or a model's nuclei with a dataset's annotations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats, format_of
from nuseg.datasets.dataset import Item, load_item
from nuseg.datasets.find import annotation_paths, find_annotations
from nuseg.datasets.names import Entry, name_search, refuse_twins, shorten
from nuseg.datasets.seen import Use, image_code
from nuseg.errors import NusegError

LABELS_FOLDER = "labels"  # where datasets and results keep their label images

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
    seen : {"train", "validation"} or None
        What the model that predicted used the image for before, as far as it says.
    """

    truth: np.ndarray
    prediction: np.ndarray
    pixels: np.ndarray | None = None
    instance: bool = True
    parted: bool = False
    seen: Use | None = None


@dataclass(frozen=True)
class Case:
    """One image to score; `read` does the work and raises NusegError where it cannot be done."""

    name: str
    read: Callable[[], Compared]


@dataclass(frozen=True)
class Cases:
    """All images to score, the truths that lack a prediction, and the predictions that lack a truth."""

    cases: tuple[Case, ...]
    unpaired_truths: tuple[str, ...] = ()
    unpaired_predictions: tuple[str, ...] = ()


def model_cases(
    items: Iterable[Item], instance: bool, predict: Predictor, known: Mapping[str, Use] | None = None
) -> Cases:
    """Run a model on every item's image: `predict(pixels, mpp)` gives its label image.

    `known` has the codes of the images that the model has seen before (`nuseg.datasets.seen`).
    """

    def read(item: Item) -> Compared:
        pixels, truth = load_item(item)
        seen = (known or {}).get(image_code(pixels))
        return Compared(truth, predict(pixels, item.mpp), pixels, instance, seen=seen)

    return Cases(tuple(Case(item.name, partial(read, item)) for item in items))


def dataset_cases(items: Sequence[Item], instance: bool, predictions: Path) -> Cases:
    """Pair every item with what `predictions` has under its name."""

    def read(item: Item, entry: Entry) -> Compared:
        pixels, truth = load_item(item)
        prediction, parted = read_labels(entry, (truth.shape[0], truth.shape[1]))
        return Compared(truth, prediction, pixels, instance, parted)

    return _match({item.name: partial(read, item) for item in items}, predictions)


def folder_cases(truth: Path, predictions: Path) -> Cases:
    """Pair the annotations of two folders by name; polygons are drawn at the size of their partner."""

    def read(true_entry: Entry, entry: Entry) -> Compared:
        true = read_annotation(true_entry)
        predicted = read_annotation(entry, true.shape)
        shape = true.shape or predicted.shape
        if shape is None:
            raise NusegError(f"{true_entry}: polygons without the size of the image, as {entry}; give one as labels")
        return Compared(
            truth=true.label_image(true.shape or shape),
            prediction=predicted.label_image(predicted.shape or shape),
            instance=true.instance,
            parted=not predicted.instance,
        )

    return _match({entry.stem: partial(read, entry) for entry in find_labels(truth)}, predictions)


def find_labels(folder: Path) -> list[Entry]:
    """Find annotations in a folder, or in its folder `labels`, as `nuseg segment` makes one; or in one file of many.

    Files go before folders of masks.

    Raises
    ------
    NusegError
        No such folder, no annotations in it, or two of one name.
    """
    if not folder.exists():
        raise NusegError(f"{folder}: no such folder; expected one with label images")
    places = [folder, *(place for place in (folder / LABELS_FOLDER,) if place.is_dir())]
    listed = [annotation_paths(place) for place in places]
    for paths in (*filter(_are_files, listed), *listed):
        found = find_annotations(paths)
        if found is not None and found.entries:
            refuse_twins(found.entries)
            return list(found.entries)
    suffixes = sorted({suffix for kind in annotation_formats.values() for suffix in kind.suffixes})
    raise NusegError(f"{folder}: no label images found ({', '.join(suffixes)})")


def read_annotation(entry: Entry, shape: tuple[int, int] | None = None) -> Annotation:
    """Read an annotation in whatever format it has.

    Raises
    ------
    NusegError
        Unreadable, or of no known format.
    """
    return format_of(entry.path).load(entry.path, entry.image or entry.stem, shape)


def read_labels(entry: Entry, shape: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """Read a label image, a mask as its connected components, or polygons drawn at `shape`.

    Returns
    -------
    labels : (h, w) integer
        Of the size that the file states, or else of `shape`.
    parted : bool
        Whether it was a mask: one value for all nuclei (0/255, 0/1), or a JPEG.

    Raises
    ------
    NusegError
        Unreadable, or of no known format.
    """
    annotation = read_annotation(entry, shape)
    return annotation.label_image(annotation.shape or shape), not annotation.instance


def _are_files(paths: Sequence[Path]) -> bool:
    return bool(paths) and paths[0].is_file()


def _match(readers: dict[str, Callable[[Entry], Compared]], folder: Path) -> Cases:
    """Give every truth the prediction of its name, as it is or without endings such as `_labels`."""
    predictions = find_labels(folder)
    find = name_search(predictions)
    cases: list[Case] = []
    unpaired: list[str] = []
    used: set[Entry] = set()
    for name, read in readers.items():
        fitting = find(name, shorten(name))
        if len(fitting) > 1:
            listed = ", ".join(entry.name for entry in fitting)
            raise NusegError(f"{folder}: several predictions fit {name} ({listed}); leave one of them")
        if fitting and fitting[0] in used:
            raise NusegError(f"{fitting[0]}: fits several true label images; name them alike")
        if fitting:
            used.add(fitting[0])
            cases.append(Case(name, partial(read, fitting[0])))
        else:
            unpaired.append(name)
    if not cases:
        raise NusegError(
            f"{folder}: no prediction has the name of a true label image: expected {next(iter(readers))}.png or "
            f".tiff, found {predictions[0].name}"
        )
    left = tuple(entry.name for entry in predictions if entry not in used)
    return Cases(tuple(cases), tuple(unpaired), left)
