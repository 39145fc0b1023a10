"""Score a model, or the predictions of any tool, against many annotated images: what `nuseg evaluate` does."""

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
from nuseg.evaluation.report import TITLES, summarise, write_scores
from nuseg.evaluation.scoring import Scores, score_cases
from nuseg.io.image import write_png
from nuseg.model.store import Model, Quality
from nuseg.plot.comparison import draw_comparison
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
    """

    scores: Scores
    cases: Cases
    about: dict[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """Why the scores may be too good for new images: the model had seen some before, or does not say."""
        return [*explain_seen(self.scores.seen, len(self.scores.rows)), *self.unknown]

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
        write_scores(table, out, self.warnings, **about)
        for rank, scored in enumerate(self.scores.worst, 1):
            compared = scored.compared
            if compared.pixels is not None:
                caption = f"{scored.name}  {TITLES[scored.score]} {scored.value:.3f}"
                drawn = draw_comparison(compared.pixels, compared.truth, compared.prediction, caption)
                write_png(out / f"worst-{rank}.png", drawn)


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


def evaluate_dataset(
    truth: str | Path,
    predictions: str | Path | None = None,
    model: str | Path | Model | None = None,
    *,
    quality: Quality | None = None,
    split: Split = "test",
    device: Device = "auto",
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    failed: Callable[[str], None] = lambda message: None,
) -> Evaluation:
    """Score a model, or the predictions of any tool, against annotations.

    Parameters
    ----------
    truth : path
        A dataset made by `nuseg.prepare`, or a folder of label images (then `predictions` are needed).
    predictions : path, optional
        Folder of predicted label images, or of 0/255 masks; paired by name.
    model : str, path or Model, optional
        To run on the dataset, where there are no predictions; default: the quality's.
    quality, device, threads
        As of `nuseg.segment`.
    split : {"test", "train", "validation", "all"}
        Which images of the dataset.
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
    about: dict[str, Any] = {"truth": str(truth)}
    unknown: tuple[str, ...] = ()
    if predictions is not None:
        about["predictions"] = str(predictions)
    if predictions is not None and not (truth / DATASET_FILE).is_file():
        cases = folder_cases(truth, Path(predictions))
    else:
        dataset = Dataset.load(truth)
        items = list(dataset.items) if split == "all" else dataset.split(split)
        if not items:
            raise NusegError(f"{truth}: has no {split} images; choose others with split=")
        about |= {"split": split, "dataset": dataset.name, "fingerprint": dataset.fingerprint}
        instance = dataset.annotation == "instance"
        if predictions is not None:
            cases = dataset_cases(items, instance, Path(predictions))
        else:
            segmenter = Segmenter.load(model, device, threads, quality)
            about["model"] = segmenter.model.config.name
            data = segmenter.model.config.data
            cases = model_cases(items, instance, lambda pixels, mpp: segmenter(pixels, mpp).labels, known_images(data))
            if not tells_images(data):
                unknown = (
                    f"model {about['model']} does not say which images it was trained on: these may be among them",
                )
    scores = score_cases(tracked(cases.cases, "evaluating", progress), failed=failed)
    return Evaluation(scores, cases, about, unknown)
