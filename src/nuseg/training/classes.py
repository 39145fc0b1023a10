"""What a training knows of classes: their names, how often each occurs, and the class of every annotated nucleus."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage

from nuseg.annotations.tables import Points
from nuseg.datasets.dataset import Dataset, Item, load_ignore, load_pixels, load_points, load_table, load_with_ignore
from nuseg.errors import NusegError
from nuseg.measure.classes import ClassNames
from nuseg.model.registry import find_heads
from nuseg.text import shown
from nuseg.training.config import TrainConfig
from nuseg.types import RGB, Floats, Integers, LabelImage, Mask

DISC_UM = 2.0  # radius of the disc that a point teaches the class of: well within most nuclei


def tells_classes(config: TrainConfig) -> bool:
    """Whether the network has a head for classes."""
    return any(head.made_for is not None for head in find_heads(config.network.heads))


def with_classes(config: TrainConfig, datasets: Sequence[Dataset], known: Sequence[str] = ()) -> TrainConfig:
    """Name the classes of the class head, where there is one: those stated, else all of the datasets in their order.

    Parameters
    ----------
    config
        Of the training.
    datasets
        To train on.
    known
        Classes that the model which is fine-tuned tells already.

    Raises
    ------
    NusegError
        Fewer than two classes, or one that no nucleus can have.
    """
    if not tells_classes(config):
        if config.optimiser.freeze:
            raise NusegError(
                f"optimiser.freeze: learns the class head alone, found none in network.heads "
                f"({', '.join(config.network.heads)}): add classes to them"
            )
        return config
    annotated = tuple(dict.fromkeys(name for dataset in datasets for name in dataset.classes))
    listed = ", ".join(map(shown, annotated)) or "none"
    if not annotated:
        folders = ", ".join(str(dataset.root) for dataset in datasets)
        raise NusegError(
            f"{folders}: no nucleus has a class, expected some for the head classes: prepare a dataset of annotations "
            "with classes, or leave the head out of network.heads"
        )
    names = config.network.classes or annotated
    if len(names) < 2:
        raise NusegError(f"network.classes: expected two classes or more to tell apart, found {listed}")
    lacking = [name for name in names if name not in (*annotated, *known)]
    if lacking:
        raise NusegError(
            f"network.classes: no dataset has the class {shown(lacking[0])}, they have {listed}: name those, or give "
            "classes other names with nuseg prepare"
        )
    try:
        names = TypeAdapter(ClassNames).validate_python(names)
    except ValidationError as error:
        raise NusegError(
            f"network.classes: {error.errors()[0]['msg']}: give classes other names with nuseg prepare"
        ) from error
    return config.model_copy(update={"network": config.network.model_copy(update={"classes": names})})


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """An annotated image in memory.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
    labels : (h, w) int32
        Label image; of points a disc around each.
    ignore : (h, w) bool
        True where it is not known what is there.
    instance : bool
        Whether nuclei are annotated one by one, with their outlines.
    outlined : bool
        False where nuclei are points: it says which class is where, but not what is a nucleus and what is not.
    classes : (n + 1,) intp
        Number of the class of each label: 0 = not known, 1.. in the order of the network's classes.
    """

    pixels: RGB
    labels: LabelImage
    ignore: Mask
    instance: bool
    outlined: bool
    classes: Integers


def load_training_image(item: Item, annotation: str, classes: Sequence[str]) -> TrainingImage:
    """Read an image with what a training learns from it.

    Raises
    ------
    NusegError
        A file is unreadable.
    """
    if annotation == "points":
        pixels, points = load_pixels(item), load_points(item)
        shape = (pixels.shape[0], pixels.shape[1])
        discs = draw_discs(points, shape, DISC_UM / item.mpp)
        numbers = class_numbers(np.arange(1, len(points.xy) + 1), points.classes, classes, len(points.xy))
        return TrainingImage(pixels, discs, load_ignore(item, shape), False, False, numbers)
    pixels, labels, ignore = load_with_ignore(item)
    table = load_table(item)
    numbers = class_numbers(table.labels, table.classes, classes, int(labels.max(initial=0)))
    return TrainingImage(pixels, labels, ignore, annotation == "instance", True, numbers)


def class_numbers(labels: Integers, names: Sequence[str | None], classes: Sequence[str], largest: int) -> Integers:
    """Number of the class of every label 0..`largest`: 0 where it is not known, or none of `classes`."""
    number = {name: place for place, name in enumerate(classes, 1)}
    found = np.zeros(largest + 1, np.intp)
    for label, name in zip(labels.tolist(), names, strict=True):
        if label <= largest and name is not None:
            found[label] = number.get(name, 0)
    return found


def draw_discs(points: Points, shape: tuple[int, int], radius: float) -> LabelImage:
    """Draw a disc of `radius` px around every point that has a class: label image `(h, w)` int32, numbers from 1.

    A pixel within reach of several belongs to the nearest.
    """
    seeds = np.zeros(shape, np.int32)
    for number, ((x, y), name) in enumerate(zip(points.xy, points.classes, strict=True), 1):
        if name is not None and 0 <= x < shape[1] and 0 <= y < shape[0]:
            seeds[int(y), int(x)] = number
    if not seeds.any():
        return seeds
    distance, place = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    return np.where(distance <= radius, seeds[tuple(place)], 0)


def class_weights(images: Sequence[TrainingImage], count: int, balance: float, largest: float) -> Floats:
    """Weight of each class: its share of the nuclei, inverted and drawn towards 1, within bounds.

    Parameters
    ----------
    images
        To train on.
    count
        Of classes.
    balance
        0: all weigh 1; 1: inverse to how many nuclei a class has.
    largest
        No weight is above, none below 1 over it.

    Returns
    -------
    (count,) float32
        1 for a class without a nucleus.
    """
    nuclei = Counter[int]()
    for image in images:
        present = np.unique(image.labels[~image.ignore])
        nuclei.update(image.classes[present].tolist())
    counts = np.array([nuclei[number] for number in range(1, count + 1)], float)
    known = counts > 0
    weights = np.ones(count)
    if known.any():
        weights[known] = (counts[known].mean() / counts[known]) ** balance
    return np.clip(weights, 1 / largest, largest).astype(np.float32)
