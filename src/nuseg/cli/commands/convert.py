"""`nuseg convert`: annotations from any format to any other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.messages import as_options
from nuseg.cli.progress import progress_bar

if TYPE_CHECKING:
    from nuseg.datasets.conversion import ConvertedAnnotations


def written_formats_help() -> str:
    """Help on the formats that can be written, from their registry."""
    from nuseg.annotations.registry import annotation_formats

    listed = [kind.name for kind in annotation_formats.values() if kind.writable]
    return f"Format to write: {', '.join(listed)}. [bold]nuseg formats[/bold] explains them."


def convert(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN", help="Files, folders, zip archives.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="File or folder to write.", show_default=False)],
    to: Annotated[str, typer.Option(metavar="NAME", help="Format to write.", show_default=False)],
    from_format: Annotated[
        str, typer.Option("--from", "--from-format", metavar="NAME", help="Format to read; [bold]auto[/bold] looks.")
    ] = "auto",
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images or slides, for their sizes and resolutions.")
    ] = None,
    mpp: Annotated[float | None, typer.Option(help="Micrometres per pixel, over what the files say.")] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="OLD=NEW,...", help="New names of classes, or a YAML file of them; equal ones merge."),
    ] = None,
    suffix: Annotated[str | None, typer.Option(help="Ending of the files, where a format has several.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")] = False,
) -> None:
    """Convert annotations from any format to any other, with their classes.

    One file per image, or one for all where the format has that. Formats of
    pixels, and some others, need the size of the images: --images.

    [bold]Examples[/bold]

    nuseg convert nuclei.geojson -o nuclei.xml --to aperio

    nuseg convert labels/ -o coco.json --to coco --images images/

    nuseg convert export.zip -o labels --to labels --suffix .png

    nuseg convert slide.ndpi.ndpa -o slide.geojson --to geojson

    nuseg convert results -o yolo --to yolo --classes 'tumour=epithelial,benign=epithelial'
    """
    from nuseg.datasets.conversion import ConvertOptions, convert_annotations

    options = ConvertOptions(from_format, images, mpp, classes, suffix, overwrite)
    with progress_bar() as progress:
        done = convert_annotations(inputs, output, to, options, progress)
    show(done, to)
    if done.failed:
        raise typer.Exit(1)


def show(done: "ConvertedAnnotations", to: str) -> None:
    """Print what was converted, and what was noticed."""
    from rich.console import Console

    from nuseg.datasets.conversion import summary_line
    from nuseg.datasets.findings import gather

    problems = Console(stderr=True, highlight=False, soft_wrap=True)
    for level, line in gather(finding for finding in done.findings if finding.level != "error"):
        problems.print(as_options(f"{level}: {line}"), markup=False)
    for finding in done.failed:
        problems.print(as_options(f"error: {finding.text}"), markup=False)
    console = Console(highlight=False, soft_wrap=True)
    console.print(summary_line(done, to), markup=False)
    place = done.written[0] if len(done.written) == 1 else done.written[0].parent
    console.print(f"written: {place}", markup=False)


COMMAND = Command("convert", 42, convert, {"to": written_formats_help})
