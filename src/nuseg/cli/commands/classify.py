"""`nuseg classify`: classes of nuclei, after examples that a user marked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command

if TYPE_CHECKING:
    from nuseg.classification.run import ClassifyResult


def classify(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Folder that `nuseg segment` wrote, with csv and geojson.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Another folder; is made if it does not exist.")],
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            help="GeoJSON with points or outlines that have a class, named as the image; or a folder of such files. "
            "Can be given several times.",
            show_default=False,
        ),
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(help="In place of examples: classifier.json that an earlier run wrote.", show_default=False),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the images. [dim]Default: where they were segmented[/dim]", show_default=False),
    ] = None,
    pixels: Annotated[
        bool | None,
        typer.Option(
            "--pixels/--no-pixels",
            help="Look at stain and texture of the pixels, beside the tables. Default: where the images with examples "
            "are at hand.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same classifier.")] = 0,
) -> None:
    """Tell the classes of nuclei, after examples that you marked.

    Mark some dozens of nuclei of each class in QuPath, on several images where
    you can, and export them as GeoJSON under the names of the images. A
    classifier is learned from them (nuseg\\[classify]), with scores by
    cross-validation, and tells the class of every nucleus of RESULTS.

    OUT gets the files of RESULTS with the columns class and probability_NAME,
    detections for QuPath in the colours of the classes, classes/NAME.png,
    classes.csv with counts and densities, and classifier.json, which
    --classifier uses on other results; classifier.md describes it, and
    examples.csv has what cross-validation told of each example.

    [bold]Examples[/bold]

    nuseg classify results --examples marked -o classified

    nuseg classify other-results --classifier classified/classifier.json -o other
    """
    from rich.console import Console

    from nuseg.classification.run import classify as classify_results
    from nuseg.cli.messages import as_options
    from nuseg.cli.progress import progress_bar
    from nuseg.text import printable

    if bool(examples) == (classifier is not None):
        raise typer.BadParameter("name either --examples to learn from, or a --classifier that was learned")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with progress_bar(console) as progress:
        found = classify_results(
            results,
            out,
            examples=examples or None,
            classifier=classifier,
            images=images,
            pixels=pixels,
            seed=seed,
            progress=progress,
            said=lambda text: console.print(printable(as_options(text)), markup=False),
        )
    show(found, learned=bool(examples))
    print(f"results: {printable(out)}")
    if found.report is not None:
        print(f"page: {printable(found.report)}")
    if found.failed:
        raise typer.Exit(1)


def show(found: "ClassifyResult", learned: bool) -> None:
    """Print scores, and how many nuclei there are of each class."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nuseg.text import printable

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    names = [escape(printable(name)) for name in found.classifier.classes]
    nuclei = found.table.groupby("class")["nuclei"].sum()
    total = max(int(nuclei.sum()), 1)
    table = Table("class", *(("examples", "precision", "recall", "F1") if learned else ()), "nuclei", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    for shown, (name, one) in zip(names, found.scores.classes.items(), strict=True):
        scores = [str(one.examples), number(one.precision), number(one.recall), number(one.f1)] if learned else []
        table.add_row(shown, *scores, f"{nuclei[name]:,}", f"{nuclei[name] / total:.1%}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    if not learned:
        return
    confusion = Table("marked \\ told", *names)
    for shown, row in zip(names, found.scores.confusion, strict=True):
        confusion.add_row(shown, *map(str, row))
    console.print(confusion)
    how = "images" if found.scores.by_image else "examples"
    print(f"scores by cross-validation in {found.scores.folds} folds of {how}; mean F1 {found.scores.macro_f1:.3f}")


COMMAND = Command("classify", 22, classify)
