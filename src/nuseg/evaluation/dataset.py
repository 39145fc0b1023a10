"""Score a model, or the predictions of any tool, against many annotated images: what `nuseg evaluate` does."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nuseg.datasets.dataset import Dataset
from nuseg.datasets.seen import USES, Use, known_images, tells_images
from nuseg.engines.loading import Device
from nuseg.errors import NusegError
from nuseg.evaluation.cases import Cases, dataset_cases, folder_cases, model_cases
from nuseg.evaluation.detection import RADIUS_UM
from nuseg.evaluation.report import TITLES, summarise, write_scores
from nuseg.evaluation.scoring import Scores, score_cases
from nuseg.io.image import write_png
from nuseg.io.resolution import check_mpp
from nuseg.model.store import Model, Quality
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback, tracked
from nuseg.segmentation.segmenter import Segmenter
from nuseg.text import plural

DATASET_FILE = "dataset.json"
NAMES_SHOWN = 3
Split = Literal["train", "validation", "test", "all"]


@dataclass(frozen=True)
class Evaluation:
    """Scores of many images.

    Attributes
    ----------
    scores : Scores
        Of each image, with what could not be scored and the worst images.
    cases : Cases
        What was compared, and what had no partner.
    about : dict
        What was compared, in words: paths, model, split.
    unknown : tuple of str
        What cannot be said of the model: which images it has seen before.
    radius_um : float
        Within which a nucleus was detected.
    """

    scores: Scores
    cases: Cases
    about: dict[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    radius_um: float = RADIUS_UM

    @property
    def warnings(self) -> list[str]:
        """Why the scores may be too good for new images: the model had seen some before, or does not say."""
        return [*explain_seen(self.scores.seen, len(self.scores.rows)), *self.unknown]

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores should know: which areas are ignored, and when a nucleus is detected."""
        notes = explain_ignored(self.scores.ignored, len(self.scores.rows))
        if "detected" in self.table:
            notes.append(f"detection: a nucleus within {self.radius_um:g} um of the annotated one, one to one")
        return notes

    @property
    def table(self) -> pd.DataFrame:
        """One row per image: `name` and its scores."""
        return self.scores.table

    @property
    def summary(self) -> pd.DataFrame:
        """Mean of each score over images with its 95 % interval; see `nuseg.evaluation.summarise`."""
        return summarise(self.table)

    def save(self, folder: str | Path) -> None:
        """Write `per_image.csv`, `summary.csv`, `scores.json`, and pictures of the worst images.

        Raises
        ------
        NusegError
            The folder cannot be written.
        """
        out = Path(folder)
        about = {**self.about, "errors": self.scores.errors, "missing": self.cases.unpaired_truths}
        seen = self.scores.seen
        if seen:
            about["seen"] = seen
        table = self.table.assign(seen=[seen.get(name, "") for name in self.table["name"]]) if seen else self.table
        if "detected" in table:
            about["radius_um"] = self.radius_um
        if self.scores.ignored:
            about["ignored"] = {name: round(share, 6) for name, share in self.scores.ignored.items()}
        write_scores(table, out, [*self.warnings, *self.notes], **about)
        for rank, scored in enumerate(self.scores.worst, 1):
            drawn = scored.compared.picture(f"{scored.name}  {TITLES[scored.score]} {scored.value:.3f}")
            if drawn is not None:
                write_png(out / f"worst-{rank}.png", drawn)


def explain_ignored(ignored: Mapping[str, float], images: int) -> list[str]:
    """Say how much of the scored images is not known, and so not scored."""
    if not ignored:
        return []
    share = 100 * sum(ignored.values()) / images
    told = [f"ignored areas in {plural(len(ignored), 'image')}, {share:.2g} % of all pixels on average: not scored"]
    whole = [name for name, share in ignored.items() if share == 1]
    if whole:
        told.append(f"without scores, since nothing in them is known: {', '.join(whole[:NAMES_SHOWN])}")
    return told


def explain_seen(seen: Mapping[str, Use], images: int) -> list[str]:
    """Say which of the scored images the model had seen before."""
    told = {
        "train": "trained on",
        "validation": "chosen by (epoch, thresholds)",
    }
    said = []
    for use in USES:
        names = [name for name, used in seen.items() if used == use]
        if names:
            shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
            said.append(
                f"the model was {told[use]} {len(names)} of these {plural(images, 'image')} ({shown}): "
                "new images score lower"
            )
    return said


def check_choice(
    truth: Path, predictions: str | Path | None, model: str | Path | Model | None, quality: Quality | None
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
    quality: Quality | None = None,
    split: Split = "test",
    mpp: float | None = None,
    radius: float = RADIUS_UM,
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
    quality, device, threads
        As of `nuseg.segment`.
    split : {"test", "train", "validation", "all"}
        Which images of the dataset.
    mpp : float, optional
        Resolution of the images in um/px, where `truth` is no dataset: without it nothing is said of detection, and
        points cannot be compared.
    radius : float
        A nucleus is detected where its centroid lies within this distance (um) of the annotated one.
    progress : function, optional
        Called with a `nuseg.Progress` after each image.
    failed : function
        Told at once why an image cannot be scored; the others are scored all the same.

    Returns
    -------
    Evaluation
        `.table`, `.summary`, `.save(folder)`.

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
                items, instance, lambda pixels, mpp: segmenter(pixels, mpp).labels, known_images(data), radius
            )
            if not tells_images(data):
                unknown = (
                    f"model {about['model']} does not say which images it was trained on: these may be among them",
                )
    scores = score_cases(tracked(cases.cases, "evaluating", progress), failed=failed)
    return Evaluation(scores, cases, about, unknown, radius)
