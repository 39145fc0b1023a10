"""`nuseg datasets`: the public datasets that are known by name."""

from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command

if TYPE_CHECKING:
    from nuseg.datasets.public.public_dataset import PublicDataset


def datasets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One dataset, with all facts.")] = None,
) -> None:
    """List the public datasets that [bold]nuseg prepare[/bold] knows by name, with size, licence and citation.

    [bold]Examples[/bold]

    nuseg datasets

    nuseg datasets monuseg

    nuseg prepare monuseg --from Downloads -o monuseg

    nuseg prepare tnbc --download -o tnbc
    """
    from rich.console import Console
    from rich.table import Table

    from nuseg.datasets.public.registry import public_datasets

    console = Console(highlight=False)
    if name is not None:
        print("\n".join(facts(public_datasets[name.lower()])))
        return
    table = Table(show_lines=True)
    for heading in ("dataset", "images", "nuclei", "um/px"):
        table.add_column(heading, no_wrap=True)
    table.add_column("licence")
    table.add_column("organs, citation", overflow="fold")
    for one in public_datasets.values():
        mpp = "mixed" if one.mpp is None else f"{one.mpp:g}"
        nuclei = f"{one.nuclei:,}" if one.nuclei else "-"
        licence = f"{one.licence}\ncommercial use: {one.commercial}"
        table.add_row(one.name, f"{one.images:,}", nuclei, mpp, licence, f"{one.organs}\n{one.citation}")
    console.print(table)
    console.print("nuseg datasets NAME says how to get one, and what its authors distribute", markup=False)


def facts(one: "PublicDataset") -> list[str]:
    """Say all that is known of a dataset, a line each."""
    size = sum(download.megabytes for download in one.downloads)
    about = f" (about {size:,} MB)" if size else ""
    way = f"nuseg prepare {one.name} --download -o {one.name}{about}; or " if one.downloads else ""
    lines = {
        "dataset": one.title,
        "images": f"{one.images:,}",
        "nuclei": f"{one.nuclei:,}" if one.nuclei else "",
        "organs": one.organs,
        "resolution": f"{f'{one.mpp:g} um/px' if one.mpp else 'not one for all images'} ({one.magnification})",
        "classes": ", ".join(one.classes),
        "licence": f"{one.licence} (commercial use: {one.commercial})",
        "citation": one.citation,
        "address": one.address,
        "split": one.split,
        "note": one.note,
        "get it": f"{way}{one.by_hand}",
        "files": one.layout,
        "prepare": f"nuseg prepare {one.name} --from FOLDER_OR_ZIP -o {one.name}",
    }
    return [f"{label}: {text}" for label, text in lines.items() if text]


COMMAND = Command("datasets", 38, datasets)
