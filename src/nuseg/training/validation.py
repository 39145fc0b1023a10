"""The validation images: those with nuclei choose the epoch, the thresholds and all else that is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nuseg.datasets.dataset import Dataset, Item, load_points, load_table, load_with_ignore
from nuseg.datasets.findings import Finding
from nuseg.errors import NusegError
from nuseg.evaluation.ignoring import leave_out

SPLITS_NEEDED = ("train", "validation")


class Shown(NamedTuple):
    """A whole image with the dataset that it is from."""

    item: Item
    dataset: Dataset


@dataclass(frozen=True)
class Validation:
    """Whole images to choose by: each has nuclei.

    Attributes
    ----------
    images : tuple of Shown
        An image without nuclei is left out. A network that finds nothing scores 1 on it and one that finds a speck 0:
        such images would choose the network that finds least, and often they were just not annotated. Images whose
        nuclei are points tell of classes alone.
    findings : tuple of Finding
        What was left out.
    by_class : bool
        Whether the epoch is chosen by how well classes are told.
    """

    images: tuple[Shown, ...]
    findings: tuple[Finding, ...] = ()
    by_class: bool = False

    @property
    def told_apart(self) -> list[Shown]:
        """Images whose nuclei are annotated one by one."""
        return [shown for shown in self.images if shown.dataset.annotation == "instance"]

    @property
    def monitor(self) -> str:
        """The score that chooses the epoch: of nuclei where any image tells them apart, else of the mask."""
        if self.by_class:
            return "validation/class_f1"
        return "validation/aji" if self.told_apart else "validation/dice"


def check_splits(datasets: Sequence[Dataset], classes: bool = False, frozen: bool = False) -> list[Finding]:
    """Refuse datasets without images to train on or to choose by; warn of those that do not tell nuclei apart.

    Where `classes` are learned, points with classes are of use; where nothing else is (`frozen`), outlines are not
    needed.

    Raises
    ------
    NusegError
        No dataset has images in the split "train", or in "validation", or nuclei are annotated by points.
    """
    for dataset in datasets:
        if dataset.annotation == "points" and not (classes and dataset.classes):
            raise NusegError(
                f"{dataset.root}: nuclei are annotated by points, which do not say where a nucleus ends: train on a "
                "dataset of label images or masks; nuseg evaluate scores a model on points"
            )
    for split in SPLITS_NEEDED:
        if not any(dataset.split(split) for dataset in datasets):
            raise NusegError(
                f"{names_of(datasets)}: no image in the split '{split}': prepare it with more images or another split="
            )
    outlined = [dataset for dataset in datasets if dataset.annotation != "points" and dataset.split("train")]
    if not outlined and not frozen:
        raise NusegError(
            f"{names_of(datasets)}: nuclei are annotated by points alone, which teach classes but not where a nucleus "
            "ends: add a dataset of label images or masks, or train the class head of a model alone "
            "(optimiser.freeze=true)"
        )
    if frozen or any(dataset.annotation == "instance" for dataset in outlined):
        return []
    text = (
        "only masks to train on: the model will find nuclei, but not tell touching ones apart; add a dataset with "
        "nuclei annotated one by one"
    )
    return [Finding("warning", text, names_of(datasets))]


def choose_validation(datasets: Sequence[Dataset], by_class: bool = False, classes: Sequence[str] = ()) -> Validation:
    """Read the validation images, and keep those with nuclei; a damaged one is found before the first step.

    Parameters
    ----------
    datasets
        To train on.
    by_class
        Choose the epoch by how well classes are told: keep images that have nuclei of some.
    classes
        Those that the network tells.

    Raises
    ------
    NusegError
        An image is unreadable, or none has nuclei.
    """
    shown = [Shown(item, dataset) for dataset in datasets for item in dataset.split("validation")]
    kept = tuple(one for one in shown if is_of_use(one, by_class, classes))
    if by_class and not kept:
        raise NusegError(
            f"{names_of(datasets)}: no validation image ({len(shown)} in all) has a nucleus of a class, so no epoch "
            "can be chosen by them: annotate some, or prepare the dataset with another split= or seed="
        )
    if not any(one.dataset.annotation != "points" for one in kept) and not by_class:
        raise NusegError(
            f"{names_of(datasets)}: no validation image ({len(shown)} in all) has a nucleus, so no epoch can be chosen "
            "by them: annotate some, or prepare the dataset with another split= or seed="
        )
    left = [one.item.name for one in shown if one not in kept]
    what = "nuclei of a class" if by_class else "nuclei"
    text = f"validation image without {what}: it does not choose the epoch or the thresholds"
    return Validation(kept, tuple(Finding("note", text, name) for name in left), by_class)


def is_of_use(shown: Shown, by_class: bool, classes: Sequence[str]) -> bool:
    """Whether an image has something to choose by."""
    if by_class or shown.dataset.annotation == "points":
        return any(name in classes for name in classes_of(shown.item))
    return has_known_nuclei(shown.item)


def classes_of(item: Item) -> tuple[str | None, ...]:
    """The class of each annotated nucleus, in the order of their labels or points."""
    return load_points(item).classes if item.label is None else load_table(item).classes


def has_known_nuclei(item: Item) -> bool:
    """Whether a nucleus of an image is not ignored."""
    _, labels, ignore = load_with_ignore(item)
    counted, _ = leave_out(labels, labels, ignore)
    return bool(counted.any())


def names_of(datasets: Sequence[Dataset]) -> str:
    """Folders of datasets, for a message."""
    return ", ".join(str(dataset.root) for dataset in datasets)
