"""`nuseg check`: what is wrong with a dataset, with pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.commands.segment import Quality, check_device

if TYPE_CHECKING:
    from nuseg.quality.dataset_check import DatasetCheck


def checks_help() -> str:
    """Help on the checks, from their registry."""
    from nuseg.quality.check import checks

    return f"Do these checks alone, with commas between: {', '.join(checks)}. [dim]Default: all[/dim]"


def check(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="Dataset made by `nuseg prepare`.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for page and table; is made if it does not exist.")
    ] = Path("nuseg-check"),
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Do not run the model: faster, without unannotated nuclei.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(help="Model to run: shipped model, model folder, or run folder.", show_default="default"),
    ] = None,
    quality: Annotated[Quality | None, typer.Option(help="As of `nuseg segment`.", show_default="default")] = None,
    only: Annotated[str | None, typer.Option(metavar="NAMES", show_default=False)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if anything was found.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of the model; default: all.")] = None,
    device: Annotated[str, typer.Option(help="As of `nuseg segment`.", callback=check_device)] = "auto",
) -> None:
    """Look for faults in a dataset, and show each with pictures and what to do.

    Labels beside the nuclei, turned or mirrored; a wrong resolution; nuclei cut
    in two or merged; holes and specks; maps of classes; blur; odd stains;
    images that are there twice, above all in two splits; nuclei that are not
    annotated; annotations without a nucleus.

    OUT gets index.html, one page with everything in it, findings.csv and
    findings.json. No file of the dataset is changed.

    [bold]Examples[/bold]

    nuseg check dataset -o report

    Without running the model, in seconds:  nuseg check dataset -o report --no-model

    Leakage alone, as a step of a script:  nuseg check dataset --only duplicates --no-model --strict
    """
    from nuseg.cli.progress import progress_bar
    from nuseg.io.atomic import check_folder
    from nuseg.quality.dataset_check import check_dataset

    if no_model and (model or quality) is not None:
        raise typer.BadParameter("give --no-model, or --model and --quality, not both")
    check_folder(out)
    with progress_bar() as progress:
        found = check_dataset(
            dataset,
            model,
            use_model=not no_model,
            quality=quality.value if quality else None,
            only=[name.strip() for name in only.split(",")] if only else (),
            device=device,
            threads=threads,
            progress=progress,
        )
        page = found.save(out, progress)
    show(found)
    print(f"page: {page}")
    if strict and found.findings:
        raise typer.Exit(1)


def show(found: "DatasetCheck") -> None:
    """Print one line per finding."""
    from rich.console import Console

    from nuseg.cli.messages import as_options
    from nuseg.text import plural, printable

    console = Console(highlight=False, soft_wrap=True)
    colours = {"warning": "yellow", "note": "dim"}
    for finding in found.findings:
        names = ", ".join(finding.images[:3])
        more = f" and {len(finding.images) - 3} more" if len(finding.images) > 3 else ""
        line = f"{finding.level}: {finding.check}: {names}{more}: {finding.text}; {finding.advice}"
        console.print(as_options(printable(line)), style=colours[finding.level], markup=False)
    warnings = sum(finding.level == "warning" for finding in found.findings)
    notes = len(found.findings) - warnings
    images = plural(len(found.dataset.items), "image")
    print(f"{found.dataset.name}: {plural(warnings, 'warning')} and {plural(notes, 'note')} in {images}")


COMMAND = Command("check", 45, check, {"only": checks_help})
