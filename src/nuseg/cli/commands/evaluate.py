"""`nuseg evaluate`: how well predictions, or a model's nuclei, fit the annotations."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuseg.cli.command import Command
from nuseg.cli.commands.segment import Device, Quality
from nuseg.cli.messages import as_options
from nuseg.errors import NusegError
from nuseg.text import plural

if TYPE_CHECKING:
    from nuseg.evaluation.cases import Cases
    from nuseg.evaluation.scoring import Scores

DATASET_FILE = "dataset.json"


class Split(StrEnum):
    """Which images of a dataset."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    ALL = "all"


def evaluate(
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", help="Dataset made by `nuseg prepare`, or folder of label images.", show_default=False
        ),
    ],
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", "-p", help="Folder of predicted label images, or of 0/255 masks."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to run on the dataset: shipped model (default: 'default'), model folder, or run folder."
        ),
    ] = None,
    quality: Annotated[Quality | None, typer.Option(help="As of `nuseg segment`.", show_default="default")] = None,
    split: Annotated[Split, typer.Option(help="Which images of the dataset.")] = Split.TEST,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for tables, scores and pictures; is made where missing.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of the model; default: all.")] = None,
    device: Annotated[Device, typer.Option(help="Where the model runs.")] = Device.AUTO,
) -> None:
    """Score a model, or the predictions of any tool, against annotations.

    Prints Dice, IoU, AJI, PQ, F1, counts and more: the mean over images with
    its 95 % bootstrap interval. With -o, OUT gets per_image.csv, summary.csv
    and scores.json; from a dataset also worst-1.png to worst-3.png, the images
    with the lowest AJI, with true and predicted outlines.

    Files are paired by name; endings such as _mask, _labels or _pred do not
    matter. A mask with one value for all nuclei is taken apart into connected
    components; where the truth is such a mask, scores are per pixel only.

    A pair that cannot be scored, or a truth without prediction, is reported;
    the others are scored, and the exit code is 1.

    [bold]Examples[/bold]

    nuseg evaluate mydata --model run1 -o scores

    nuseg evaluate mydata --predictions results --split all

    nuseg evaluate true-labels --predictions other-tool/masks
    """
    import sys

    from rich.console import Console
    from rich.progress import track

    from nuseg.evaluation.scoring import score_cases
    from nuseg.io.atomic import check_folder

    if predictions is not None and (model or quality) is not None:
        raise typer.BadParameter("give --predictions, or --model and --quality, not both")
    if predictions is None and not (truth / DATASET_FILE).is_file() and truth.is_dir():
        raise typer.BadParameter(
            f"{truth} is a folder of label images (no {DATASET_FILE}): name the predictions to compare, -p FOLDER; "
            "or make a dataset of images and labels with `nuseg prepare`, to run a model on"
        )
    if out is not None:
        check_folder(out)
    cases, about = plan(truth, predictions, model, quality, split, device, threads)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    jobs = track(cases.cases, "evaluating", console=console, disable=not sys.stderr.isatty())
    scores = score_cases(jobs, failed=lambda reason: console.print(as_options(f"error: {reason}"), markup=False))
    if cases.unpaired_truths:
        listed = ", ".join(cases.unpaired_truths)
        console.print(f"error: no prediction for {plural(len(cases.unpaired_truths), 'image')}: {listed}", markup=False)
    if cases.unpaired_predictions:
        listed = ", ".join(cases.unpaired_predictions)
        console.print(f"note: no truth for {listed}: left out", markup=False)
    if scores.rows:
        report(scores, out, {**about, "errors": scores.errors, "missing": cases.unpaired_truths})
    if scores.errors or cases.unpaired_truths:
        raise typer.Exit(1)


def plan(
    truth: Path,
    predictions: Path | None,
    model: str | None,
    quality: Quality | None,
    split: Split,
    device: Device,
    threads: int | None,
) -> tuple["Cases", dict[str, Any]]:
    """Say what to compare, and how to name it in scores.json."""
    import cv2

    from nuseg.datasets.dataset import Dataset
    from nuseg.evaluation.cases import dataset_cases, folder_cases, model_cases

    about: dict[str, Any] = {"truth": str(truth)}
    if predictions is not None:
        about["predictions"] = str(predictions)
    if predictions is not None and not (truth / DATASET_FILE).is_file():
        return folder_cases(truth, predictions), about
    dataset = Dataset.load(truth)
    items = list(dataset.items) if split is Split.ALL else dataset.split(split.value)
    if not items:
        raise NusegError(f"{truth}: has no {split.value} images; choose others with split=")
    about |= {"split": split.value, "dataset": dataset.name, "fingerprint": dataset.fingerprint}
    instance = dataset.annotation == "instance"
    if predictions is not None:
        return dataset_cases(items, instance, predictions), about

    from nuseg.model.store import choose_model
    from nuseg.segmentation.segmenter import Segmenter

    if threads is not None:
        cv2.setNumThreads(threads)
    segmenter = Segmenter.load(choose_model(model, quality.value if quality else None), device.value, threads)
    about["model"] = segmenter.model.config.name
    return model_cases(items, instance, lambda pixels, mpp: segmenter.find_nuclei(pixels, mpp)[0]), about


def report(scores: "Scores", out: Path | None, about: dict[str, Any]) -> None:
    """Print the table and, where `out` is given, write all files."""
    from rich.console import Console

    from nuseg.evaluation.report import TITLES, render_summary, summarise, write_scores
    from nuseg.io.image import write_png
    from nuseg.plot.comparison import draw_comparison

    table = scores.table
    Console(highlight=False, soft_wrap=True).print(render_summary(summarise(table)))
    if scores.parted:
        count = plural(len(scores.parted), "prediction")
        print(f"note: {count} with one value for all nuclei: connected components taken as nuclei")
    worst = ", ".join(f"{scored.name} ({TITLES[scored.score]} {scored.value:.3f})" for scored in scores.worst)
    print(f"worst: {worst}")
    if out is None:
        return
    write_scores(table, out, **about)
    for rank, scored in enumerate(scores.worst, 1):
        compared = scored.compared
        if compared.pixels is not None:
            caption = f"{scored.name}  {TITLES[scored.score]} {scored.value:.3f}"
            drawn = draw_comparison(compared.pixels, compared.truth, compared.prediction, caption)
            write_png(out / f"worst-{rank}.png", drawn)
    print(f"written: {out}")


COMMAND = Command("evaluate", 60, evaluate)
