"""What is compared with what: files of two folders, or a model's nuclei with a dataset's annotations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.labels import present_labels
from nuseg.annotations.polygons import draw
from nuseg.annotations.registry import annotation_formats, format_of
from nuseg.annotations.tables import Points
from nuseg.datasets.dataset import Item, load_ignore, load_pixels, load_points, load_table, load_with_ignore
from nuseg.datasets.find import annotation_paths, find_annotations
from nuseg.datasets.names import Entry, name_search, refuse_twins, shorten
from nuseg.datasets.seen import Use, image_code
from nuseg.errors import NusegError
from nuseg.evaluation.comparison import Compared, ComparedPoints, Comparison, Found
from nuseg.evaluation.detection import RADIUS_UM, points_of
from nuseg.types import Floats, LabelImage, Mask

LABELS_FOLDER = "labels"  # where datasets and results keep their label images


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model finds: a label image `(h, w)`, and the probability `(m,)` in 0..1 of each nucleus in label order.

    `classes` are those of the numbers in the label image, where the model tells some.
    """

    labels: LabelImage
    probability: Floats | None = None
    classes: Mapping[int, str] = field(default_factory=dict)


Predictor = Callable[[np.ndarray, float], Predicted]


@dataclass(frozen=True)
class Case:
    """One image to score.

    Attributes
    ----------
    name : str
    read : function
        Does the work, and raises NusegError where it cannot be done.
    group : str or None
        Patient or slide, where it is known.
    """

    name: str
    read: Callable[[], Comparison]
    group: str | None = None


@dataclass(frozen=True)
class Cases:
    """All images to score, the truths that lack a prediction, and the predictions that lack a truth."""

    cases: tuple[Case, ...]
    unpaired_truths: tuple[str, ...] = ()
    unpaired_predictions: tuple[str, ...] = ()


def model_cases(
    items: Iterable[Item],
    instance: bool,
    predict: Predictor,
    known: Mapping[str, Use] | None = None,
    radius_um: float = RADIUS_UM,
) -> Cases:
    """Run a model on every item's image: `predict(pixels, mpp)` gives its nuclei.

    `known` has the codes of the images that the model has seen before (`nuseg.datasets.seen`); within `radius_um` a
    nucleus is detected.
    """

    def read(item: Item) -> Comparison:
        radius = radius_um / item.mpp
        if item.label is None:
            pixels, points = load_pixels(item), load_points(item)
            made = predict(pixels, item.mpp)
            numbers = present_labels(made.labels).tolist()
            points_found = points_of(made.labels, [made.classes.get(number) for number in numbers])
            found = Found(points_found, made.labels, probability=made.probability)
            seen = (known or {}).get(image_code(pixels))
            ignore = load_ignore(item, (pixels.shape[0], pixels.shape[1]))
            return ComparedPoints(points, found, radius, pixels, seen, ignore)
        pixels, truth, ignore = load_with_ignore(item)
        made = predict(pixels, item.mpp)
        return Compared(
            truth,
            made.labels,
            pixels,
            instance,
            seen=(known or {}).get(image_code(pixels)),
            ignore=ignore,
            radius=radius,
            mpp=item.mpp,
            probability=made.probability,
            true_classes=classes_of_item(item),
            pred_classes=made.classes,
        )

    return Cases(tuple(Case(item.name, partial(read, item), item.group) for item in items))


def dataset_cases(items: Sequence[Item], instance: bool, predictions: Path, radius_um: float = RADIUS_UM) -> Cases:
    """Pair every item with what `predictions` has under its name; within `radius_um` a nucleus is detected."""

    def read(item: Item, entry: Entry) -> Comparison:
        radius = radius_um / item.mpp
        if item.label is None:
            pixels, points = load_pixels(item), load_points(item)
            shape = (pixels.shape[0], pixels.shape[1])
            return ComparedPoints(points, read_found(entry, shape), radius, pixels, ignore=load_ignore(item, shape))
        pixels, truth, ignore = load_with_ignore(item)
        predicted = read_outlined(entry, (truth.shape[0], truth.shape[1]))
        return Compared(
            truth,
            predicted.label_image(predicted.shape or (truth.shape[0], truth.shape[1])),
            pixels,
            instance,
            parted=not predicted.instance,
            ignore=ignore,
            radius=radius,
            mpp=item.mpp,
            true_classes=classes_of_item(item),
            pred_classes=named_labels(predicted),
        )

    groups = {item.name: item.group for item in items}
    return _match({item.name: partial(read, item) for item in items}, predictions, groups)


def folder_cases(truth: Path, predictions: Path, mpp: float | None = None, radius_um: float = RADIUS_UM) -> Cases:
    """Pair the annotations of two folders by name; polygons are drawn at the size of their partner.

    Where the resolution `mpp` (um/px) is known, nuclei within `radius_um` are detected; points need it.
    """

    def read(true_entry: Entry, entry: Entry) -> Comparison:
        true = read_annotation(true_entry)
        if true.points is not None:
            scale = mpp or true.canvas.mpp
            if scale is None:
                raise NusegError(f"{true_entry}: points, of an image of unknown resolution; give it in um/px as mpp=")
            points = Points(true.points, true.names)
            ignore = None if true.shape is None else vague_area(true, true.shape)
            return ComparedPoints(points, read_found(entry, true.shape), radius_um / scale, ignore=ignore)
        predicted = read_annotation(entry, true.shape)
        _refuse_points(predicted, entry)
        shape = true.shape or predicted.shape
        if shape is None:
            raise NusegError(f"{true_entry}: polygons without the size of the image, as {entry}; give one as labels")
        return Compared(
            truth=true.label_image(true.shape or shape),
            prediction=predicted.label_image(predicted.shape or shape),
            instance=true.instance,
            parted=not predicted.instance,
            ignore=vague_area(true, true.shape or shape),
            radius=None if mpp is None else radius_um / mpp,
            mpp=mpp,
            true_classes=named_labels(true),
            pred_classes=named_labels(predicted),
        )

    return _match({entry.stem: partial(read, entry) for entry in find_labels(truth)}, predictions)


def vague_area(annotation: Annotation, shape: tuple[int, int]) -> Mask | None:
    """Where an annotation does not tell nuclei apart, such as COCO's crowds: `(h, w)` bool; None if nowhere."""
    return draw(annotation.vague, shape) > 0 if annotation.vague else None


def read_found(entry: Entry, shape: tuple[int, int] | None) -> Found:
    """Read predicted nuclei of any format as points: those of a file of points, or the centroids of outlines.

    Parameters
    ----------
    entry : Entry
    shape : (h, w), optional
        Size of the image; label images must have it, and polygons are drawn only where it is known.

    Raises
    ------
    NusegError
        Unreadable, of no known format, or of another size.
    """
    annotation = read_annotation(entry, shape)
    if annotation.points is not None:
        return Found(Points(annotation.points, annotation.names))
    if annotation.labels is not None:
        if shape is not None and annotation.labels.shape != shape:
            (height, width), (h, w) = shape, annotation.labels.shape
            raise NusegError(
                f"{entry}: truth is {width}x{height} but prediction is {w}x{h} (width x height): compare images of one "
                "size"
            )
        points = points_of(annotation.labels, annotation.classes)
        return Found(points, annotation.labels, parted=not annotation.instance)
    xy = shapely.get_coordinates(shapely.centroid(list(annotation.areas))).reshape(-1, 2)
    outlines = None if shape is None else annotation.label_image(shape)
    return Found(Points(xy, annotation.names), outlines)


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


def classes_of_item(item: Item) -> dict[int, str]:
    """The class of each number in an item's label image, where it is known."""
    table = load_table(item)
    return named(table.labels.tolist(), table.classes)


def named_labels(annotation: Annotation) -> dict[int, str]:
    """The class of each number in the label image of an annotation, where it is known."""
    if annotation.classes is None:
        return {}
    if annotation.labels is None:
        return named(range(1, len(annotation.classes) + 1), annotation.classes)
    return named(present_labels(annotation.labels).tolist(), annotation.classes)


def named(numbers: Iterable[int], classes: Iterable[str | None]) -> dict[int, str]:
    """Numbers with their classes; those that have none are left out."""
    return {number: name for number, name in zip(numbers, classes, strict=True) if name is not None}


def read_outlined(entry: Entry, shape: tuple[int, int]) -> Annotation:
    """Read a label image, a mask as its connected components, or polygons, of an image of `shape`.

    Raises
    ------
    NusegError
        Unreadable, of no known format, or points.
    """
    annotation = read_annotation(entry, shape)
    _refuse_points(annotation, entry)
    return annotation


def _refuse_points(annotation: Annotation, entry: Entry) -> None:
    if annotation.points is not None:
        raise NusegError(f"{entry}: points, but the truth has outlines; give predictions= with outlines")


def _are_files(paths: Sequence[Path]) -> bool:
    return bool(paths) and paths[0].is_file()


def _match(
    readers: Mapping[str, Callable[[Entry], Comparison]], folder: Path, groups: Mapping[str, str] | None = None
) -> Cases:
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
            cases.append(Case(name, partial(read, fitting[0]), (groups or {}).get(name)))
        else:
            unpaired.append(name)
    if not cases:
        raise NusegError(
            f"{folder}: no prediction has the name of a true label image: expected {next(iter(readers))}.png or "
            f".tiff, found {predictions[0].name}"
        )
    left = tuple(entry.name for entry in predictions if entry not in used)
    return Cases(tuple(cases), tuple(unpaired), left)
