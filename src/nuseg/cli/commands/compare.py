"""`nuseg compare`: whether one model, or one tool, is better than another, and how sure that is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.commands.evaluate import Split
from nuseg.cli.commands.segment import check_device

if TYPE_CHECKING:
    from nuseg.evaluation.compare import ScoreComparison


def compare(
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C ...]",
            help="Folders that `nuseg evaluate` wrote, models, or folders of predictions. The others are compared with "
            "A.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Dataset to score models and predictions on; for predictions also a folder of annotations.",
            show_default=False,
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="The score that decides, by its name in summary.csv. [dim]Default: aji, else dice, else "
            "detection_f1[/dim]",
            show_default=False,
        ),
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Compare every pair, not only each with A.")] = False,
    table: Annotated[
        Path | None,
        typer.Option(help="CSV with a column [bold]name[/bold] and one of patients or slides.", show_default=False),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="Column of --table with the patient or slide. [dim]Default: patient, slide or group of the table, "
            "else the groups of the dataset[/dim]",
            show_default=False,
        ),
    ] = None,
    split: Annotated[Split, typer.Option(help="Which images of the dataset.")] = Split.TEST,
    radius: Annotated[float, typer.Option(help="As of `nuseg evaluate`.", metavar="UM")] = 3.0,
    mpp: Annotated[float | None, typer.Option(help="As of `nuseg evaluate`.", metavar="UM", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for page, tables and pictures; is made if it does not exist."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of models; default: all.")] = None,
    device: Annotated[str, typer.Option(help="As of `nuseg segment`.", callback=check_device)] = "auto",
) -> None:
    """Tell whether one model or tool is better than another, and how sure that is.

    Scores are compared image by image: mean difference with its 95 % interval,
    and a permutation test. Images of one patient or slide count as one, where
    the dataset or --table says which belong together; with several comparisons
    p-values are corrected (Holm).

    The answer is in words: whether these images can tell the two apart, and
    about how many more would. With -o, OUT gets index.html, one page with the
    differences and the images that decide, tables, a picture of each pair, and
    the scores of what was scored on the way.

    [bold]Examples[/bold]

    nuseg compare scores-default scores-tuned -o comparison

    nuseg compare default run1 run2 --truth mydata -o comparison

    nuseg compare results other-tool/masks --truth mydata --score pq

    nuseg compare scores-default scores-tuned --table clinical.csv --group-column patient
    """
    from rich.console import Console

    from nuseg.cli.messages import as_options
    from nuseg.cli.progress import progress_bar
    from nuseg.evaluation.compare import compare as compare_candidates
    from nuseg.io.atomic import check_folder

    if len(candidates) < 2:
        raise typer.BadParameter("name two or more to compare")
    if out is not None:
        check_folder(out)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with progress_bar(console) as progress:
        found = compare_candidates(
            candidates,
            truth,
            score=score,
            all_pairs=all_pairs,
            split=split.value,
            mpp=mpp,
            radius=radius,
            table=table,
            group_column=group_column,
            device=device,
            threads=threads,
            progress=progress,
            failed=lambda reason: console.print(as_options(f"error: {reason}"), markup=False),
        )
    show(found)
    if out is not None:
        print(f"page: {found.save(out)}")


def show(found: "ScoreComparison") -> None:
    """Print scores, answers, and the images that decide."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nuseg.evaluation.pairs import DECIDING, signed
    from nuseg.evaluation.report import is_count, title_of
    from nuseg.text import printable

    digits = 1 if is_count(found.score) else 3
    table = Table("")
    for column in (title_of(found.score), "95 % interval", "images"):
        table.add_column(column, justify="right")
    for name, row in found.summary.iterrows():
        between = f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"
        shown = "" if "nan" in between else between
        table.add_row(escape(printable(name)), f"{row['mean']:.{digits}f}", shown, f"{row['images']:.0f}")
    Console(highlight=False, soft_wrap=True).print(table)
    for text in found.warnings:
        print(f"warning: {printable(text)}")
    for text in found.notes:
        print(f"note: {printable(text)}")
    for pair in found.pairs:
        print(printable(pair.verdict))
        images = pair.images
        sides = ((pair.second, images[images["difference"] > 0]), (pair.first, images[images["difference"] < 0][::-1]))
        for name, rows in sides:
            most = zip(rows["name"].head(DECIDING), rows["difference"].head(DECIDING), strict=True)
            listed = ", ".join(f"{image} ({signed(value, found.score)})" for image, value in most)
            if listed:
                print(printable(f"  higher in {name}: {listed}"))


COMMAND = Command("compare", 65, compare)
