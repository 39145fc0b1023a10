"""Score a model, or the predictions of any tool, against many annotated images: what `nuseg evaluate` does."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nuseg.datasets.dataset import Dataset
from nuseg.datasets.seen import known_images, tells_images
from nuseg.engines.loading import Device
from nuseg.engines.quality import AskedQuality
from nuseg.errors import NusegError
from nuseg.evaluation.cases import Predicted, dataset_cases, folder_cases, model_cases
from nuseg.evaluation.detection import RADIUS_UM
from nuseg.evaluation.evaluated import Evaluation
from nuseg.evaluation.image_table import read_image_table
from nuseg.evaluation.scoring import score_cases
from nuseg.io.resolution import check_mpp
from nuseg.measure.classes import CLASS
from nuseg.model.store import Model
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback, tracked
from nuseg.segmentation.segmenter import Segmenter

DATASET_FILE = "dataset.json"
Split = Literal["train", "validation", "test", "all"]


def check_choice(
    truth: Path, predictions: str | Path | None, model: str | Path | Model | None, quality: AskedQuality | None
) -> None:
    """Check that there is one thing to compare with the truth; see `evaluate_dataset`.

    Raises
    ------
    NusegError
        Predictions and a model are given, or no predictions for a folder that is no dataset.
    """
    if predictions is not None and (model or quality) is not None:
        raise NusegError("give predictions=, or model= and quality=, not both")
    if predictions is None and not (truth / DATASET_FILE).is_file() and truth.is_dir():
        raise NusegError(
            f"{truth}: a folder of label images (no {DATASET_FILE}): name the predictions= to compare; "
            "or make a dataset of images and labels with nuseg prepare, to run a model on"
        )


@with_bars
def evaluate_dataset(
    truth: str | Path,
    predictions: str | Path | None = None,
    model: str | Path | Model | None = None,
    *,
    quality: AskedQuality | None = None,
    split: Split = "test",
    mpp: float | None = None,
    radius: float = RADIUS_UM,
    table: str | Path | None = None,
    group_column: str | None = None,
    by: Sequence[str] = (),
    device: Device = "auto",
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    failed: Callable[[str], None] = lambda message: None,
) -> Evaluation:
    """Score a model, or the predictions of any tool, against annotations.

    Parameters
    ----------
    truth : path
        A dataset made by `nuseg.prepare`, or a folder of label images, polygons or points (then `predictions` are
        needed).
    predictions : path, optional
        Folder of predicted label images, polygons, 0/255 masks, or of points where the truth is points; paired by name.
    model : str, path or Model, optional
        To run on the dataset, where there are no predictions; default: the quality's.
    quality : "auto", "fast", "light", "default" or "best", optional
        As of `nuseg.segment`.
    device : str
        As of `nuseg.segment`.
    threads : int, optional
        As of `nuseg.segment`.
    split : {"test", "train", "validation", "all"}
        Which images of the dataset.
    mpp : float, optional
        Resolution of the images in um/px, where `truth` is no dataset: without it nothing is said of detection, and
        points cannot be compared.
    radius : float
        A nucleus is detected where its centroid lies within this distance (um) of the annotated one.
    table : path, optional
        CSV with a column `name` and what else is known of the images.
    group_column : str, optional
        Column of `table` with the patient or slide of each image: intervals draw whole groups. Default: `patient`,
        `slide` or `group` of the table, else the groups that a dataset states.
    by : sequence of str
        Columns of `table` to give scores by, such as the organ; default: all that have two to twelve values.
    progress : function, optional
        Called with a `nuseg.Progress` after each image.
    failed : function
        Told at once why an image cannot be scored; the others are scored all the same.

    Returns
    -------
    Evaluation
        `.table`, `.summary`, `.by_column()`, `.f1_by_iou()`, `.errors_by_kind()`, `.save(folder)`.

    Raises
    ------
    NusegError
        There is nothing to compare, or the dataset is damaged.

    Examples
    --------
    >>> found = nuseg.evaluate_dataset("dataset", model="run1")  # doctest: +SKIP
    >>> found.summary.loc["aji", ["mean", "low", "high"]]  # doctest: +SKIP
    """
    truth = Path(truth)
    check_choice(truth, predictions, model, quality)
    if not 0 < radius < math.inf:
        raise NusegError(f"radius= is {radius:g}, expected a distance above 0, in um")
    about: dict[str, Any] = {"truth": str(truth)}
    unknown: tuple[str, ...] = ()
    if predictions is not None:
        about["predictions"] = str(predictions)
    if predictions is not None and not (truth / DATASET_FILE).is_file():
        if mpp is not None:
            check_mpp(mpp, str(truth), "give mpp= in um/px")
        cases = folder_cases(truth, Path(predictions), mpp, radius)
    else:
        if mpp is not None:
            raise NusegError(f"{truth}: states the resolution of its images; leave mpp= out")
        dataset = Dataset.load(truth)
        items = list(dataset.items) if split == "all" else dataset.split(split)
        if not items:
            raise NusegError(f"{truth}: has no {split} images; choose others with split=")
        about |= {"split": split, "dataset": dataset.name, "fingerprint": dataset.fingerprint}
        instance = dataset.annotation == "instance"
        if predictions is not None:
            cases = dataset_cases(items, instance, Path(predictions), radius)
        else:
            segmenter = Segmenter.load(model, device, threads, quality)
            about["model"] = segmenter.model.config.name
            data = segmenter.model.config.data
            cases = model_cases(
                items, instance, lambda pixels, mpp: predict(segmenter, pixels, mpp), known_images(data), radius
            )
            if not tells_images(data):
                unknown = (
                    f"model {about['model']} does not say which images it was trained on: these may be among them",
                )
    names = [case.name for case in cases.cases]
    known = read_image_table(None if table is None else Path(table), names, group_column, by)
    if known.groups is not None:
        cases = replace(cases, cases=tuple(replace(case, group=known.groups[case.name]) for case in cases.cases))
    scores = score_cases(tracked(cases.cases, "evaluating", progress), failed=failed)
    return Evaluation(scores, cases, about, unknown, radius, known.columns)


def predict(segmenter: Segmenter, pixels: np.ndarray, mpp: float) -> Predicted:
    """Run a model on an image `(h, w, 3)` uint8 at `mpp` um/px."""
    result = segmenter(pixels, mpp)
    labels, nuclei = result.labels, result.nuclei
    numbers = np.unique(labels[labels > 0])
    probability = dict(zip(nuclei["id"].tolist(), nuclei["probability"].tolist(), strict=True))
    classes = dict(zip(nuclei["id"].tolist(), nuclei[CLASS], strict=True)) if CLASS in nuclei else {}
    if not all(number in probability for number in numbers.tolist()):
        return Predicted(labels, classes=classes)
    return Predicted(labels, np.array([probability[number] for number in numbers.tolist()], float), classes)
