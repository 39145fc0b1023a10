"""`nuseg report`: one page about all results in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from nuseg.cli.command import Command


def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Folder of results by `nuseg segment`.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for page and tables; default: RESULTS.", show_default=False),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the images in a column `name`, and their `patient`, `group` and whatever else is known of "
            "them.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column of the table to compare by.", show_default="group")] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
) -> None:
    """Make one page about all results in a folder: to read, and to print on A4.

    Counts with their intervals, densities and sizes per image and group, small
    pictures with outlines, what should be looked at by its stain or focus, and
    what was excluded and why. `nuseg segment` makes it too; here it can be made
    again with a table of patients and groups.

    OUT gets report.html, report.csv (a row per image) and report_groups.csv.

    [bold]Examples[/bold]

    nuseg report results

    nuseg report results --table clinical.csv --by grade --open
    """
    import webbrowser

    from nuseg.results.cohort.report import write_report
    from nuseg.text import plural

    written = write_report(results, out, table, by)
    flagged = len({name for look in written.looks for name in look.names})
    print(
        f"{plural(written.images, 'image')}: {plural(flagged, 'image')} to be looked at, {written.excluded:,} excluded"
    )
    print(f"page: {written.page}")
    print(f"tables: {written.table}, {written.groups}")
    if open_ and not webbrowser.open(written.page.resolve().as_uri()):
        print("no browser found here: open the page yourself")


COMMAND = Command("report", 24, report)
