"""`nuseg evaluate`: how well predictions, or a model's nuclei, fit the annotations."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.commands.segment import Quality, check_device
from nuseg.cli.messages import as_options
from nuseg.text import plural

if TYPE_CHECKING:
    from nuseg.engines.quality import AskedQuality
    from nuseg.evaluation.evaluated import Evaluation


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
            metavar="TRUTH",
            help="Dataset made by `nuseg prepare`, or folder of label images, polygons or points.",
            show_default=False,
        ),
    ],
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", "-p", help="Folder of predicted label images, polygons, 0/255 masks, or points."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to run on the dataset: shipped model (default: 'default'), model folder, or run folder."
        ),
    ] = None,
    quality: Annotated[Quality | None, typer.Option(help="As of `nuseg segment`.", show_default="default")] = None,
    split: Annotated[Split, typer.Option(help="Which images of the dataset.")] = Split.TEST,
    radius: Annotated[
        float, typer.Option(help="Distance (um) within which a nucleus is detected.", metavar="UM")
    ] = 3.0,
    mpp: Annotated[
        float | None,
        typer.Option(
            help="Resolution (um/px) of the images, where TRUTH is no dataset.", metavar="UM", show_default=False
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a column [bold]name[/bold] and what is known of the images: patient, organ, stain.",
            show_default=False,
        ),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="Column of --table with the patient or slide: intervals draw whole groups. [dim]Default: patient, "
            "slide or group of the table, else the groups of the dataset[/dim]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Columns of --table to give scores by, with commas between. [dim]Default: all that have 2 to 12 "
            "values[/dim]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for page, tables and pictures; is made if it does not exist."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of the model; default: all.")] = None,
    device: Annotated[str, typer.Option(help="As of `nuseg segment`.", callback=check_device)] = "auto",
) -> None:
    """Score a model, or the predictions of any tool, against annotations.

    Prints Dice, IoU, AJI, PQ, F1, counts and more: the mean over images with
    its 95 % bootstrap interval. With -o, OUT gets index.html, one page with
    scores, errors by kind with pictures, F1 over IoU, recall by size, counts
    and probabilities; per_image.csv, summary.csv and scores.json; from a
    dataset also worst-1.png to worst-3.png, the images with the lowest AJI.

    Images of one patient or slide resemble each other. Where a dataset or
    --table says which belong together, intervals draw whole groups.

    Files are paired by name; endings such as _mask, _labels or _pred do not
    matter. A mask with one value for all nuclei is taken apart into connected
    components; where the truth is such a mask, scores are per pixel only.

    Where nuclei are annotated by points, detection is scored: precision,
    recall, F1, of each class as well, and counts. A nucleus is detected where
    its centroid lies within --radius of the point, one to one. Areas that the
    dataset ignores are not scored.

    A pair that cannot be scored, or a truth without prediction, is reported;
    the others are scored, and the exit code is 1. Where the model was trained
    on the images, or chosen by them, that is said.

    [bold]Examples[/bold]

    nuseg evaluate mydata --model run1 -o scores

    nuseg evaluate mydata --predictions results --split all

    nuseg evaluate true-labels --predictions other-tool/masks

    nuseg evaluate mydata --model run1 --table clinical.csv --by organ -o scores

    nuseg evaluate true-points --predictions results --mpp 0.5 --radius 6
    """
    from rich.console import Console

    from nuseg.cli.progress import progress_bar
    from nuseg.errors import NusegError
    from nuseg.evaluation.dataset import check_choice, evaluate_dataset
    from nuseg.io.atomic import check_folder

    chosen: AskedQuality | None = quality.value if quality else None
    try:
        check_choice(truth, predictions, model, chosen)
    except NusegError as error:
        raise typer.BadParameter(as_options(str(error))) from error
    if out is not None:
        check_folder(out)
    console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        console.print(as_options(text), markup=False)

    with progress_bar(console) as progress:
        found = evaluate_dataset(
            truth,
            predictions,
            model,
            quality=chosen,
            split=split.value,
            mpp=mpp,
            radius=radius,
            table=table,
            group_column=group_column,
            by=[name.strip() for name in by.split(",")] if by else (),
            device=device,
            threads=threads,
            progress=progress,
            failed=lambda reason: say(f"error: {reason}"),
        )
    cases, scores = found.cases, found.scores
    if cases.unpaired_truths:
        listed = ", ".join(cases.unpaired_truths)
        say(f"error: no prediction for {plural(len(cases.unpaired_truths), 'image')}: {listed}")
    if cases.unpaired_predictions:
        say(f"note: no truth for {', '.join(cases.unpaired_predictions)}: left out")
    if scores.rows:
        report(found, out)
    if scores.errors or cases.unpaired_truths:
        raise typer.Exit(1)


def report(found: "Evaluation", out: Path | None) -> None:
    """Print the table and, where `out` is given, write all files."""
    from rich.console import Console

    from nuseg.evaluation.report import TITLES, explain_empty, explain_groups, render_summary

    scores = found.scores
    Console(highlight=False, soft_wrap=True).print(render_summary(found.summary))
    for text in found.warnings:
        print(f"warning: {text}")
    for text in (*found.notes, *explain_groups(found.table), *explain_empty(found.table)):
        print(f"note: {text}")
    if scores.parted:
        count = plural(len(scores.parted), "prediction")
        print(f"note: {count} with one value for all nuclei: connected components taken as nuclei")
    if scores.worst:
        worst = ", ".join(f"{scored.name} ({TITLES[scored.score]} {scored.value:.3f})" for scored in scores.worst)
        print(f"worst: {worst}")
    if out is not None:
        page = found.save(out)
        print(f"written: {out}")
        print(f"page: {page}")


COMMAND = Command("evaluate", 60, evaluate)
