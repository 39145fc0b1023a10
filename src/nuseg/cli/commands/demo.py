"""`nuseg demo`: see what nuseg does, on two images that come with it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command

if TYPE_CHECKING:
    from rich.table import Table

    from nuseg.viewer.demo import Outcome


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for page and results; is made if it does not exist.")
    ] = Path("nuseg-demo"),
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
) -> None:
    """Segment two images that come with nuseg, and show the nuclei on one HTML page.

    Both are real H&E: a field of breast tissue whose nuclei are annotated, so
    that the result gets scores, and a small slide, from its file to the map of
    densities. Nothing is downloaded.

    [bold]Example[/bold]

    nuseg demo --open
    """
    import webbrowser

    from rich.console import Console

    from nuseg.segmentation.segmenter import segment
    from nuseg.viewer.demo import EXAMPLES, run_example, write_demo_page

    outcomes = [run_example(example, segment, out) for example in EXAMPLES]
    page = write_demo_page(outcomes, out)
    Console().print(outcome_table(outcomes))
    print(f"page: {page.resolve()}")
    if open_ and not webbrowser.open(page.resolve().as_uri()):
        print("no browser found here: open the page yourself")


def outcome_table(outcomes: "list[Outcome]") -> "Table":
    """Counts and scores, one row per image, to print."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)  # narrow enough for 80 columns
    table.add_column("image", no_wrap=True)
    for column in ("size (px)", "um/px", "nuclei", "nuclei/mm2", "annotated", "Dice", "AJI", "PQ"):
        table.add_column(column, justify="right", no_wrap=True)
    for outcome in outcomes:
        found, truth, scores = outcome.segmentation, outcome.truth, outcome.scores
        table.add_row(
            outcome.example.name,
            f"{found.info.width}x{found.info.height}",
            f"{found.mpp:g}",
            f"{len(found):,}",
            f"{found.nuclei_per_mm2:,.0f}",
            "" if truth is None else f"{truth.max():,}",
            *("" if truth is None else f"{scores[key]:.3f}" for key in ("dice", "aji", "pq")),
        )
    return table


COMMAND = Command("demo", 10, demo)
