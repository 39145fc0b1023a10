"""`nuseg formats`: the annotation formats."""

from typing import Annotated

import typer

from nuseg.cli.command import Command


def formats(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One format, explained.")] = None,
) -> None:
    """List the annotation formats: what is read and written, and what travels through each.

    [bold]Examples[/bold]

    nuseg formats

    nuseg formats coco
    """
    import inspect

    from rich.console import Console
    from rich.table import Table

    from nuseg.annotations.registry import annotation_formats

    console = Console(highlight=False)
    if name is not None:
        kind = annotation_formats[name]
        about = inspect.getdoc(inspect.getmodule(type(kind))) or kind.help
        facts = {"kept": kind.kept, "lost": kind.lost, "coordinates": kind.convention}
        lines = [f"{label}: {text}" for label, text in facts.items() if text]
        console.print("\n".join([about, "", *lines]), markup=False)
        return
    table = Table("format", "content", "files", "read", "written", "classes", "many images")
    for kind in annotation_formats.values():
        many = {(True, True): "yes", (True, False): "read", (False, True): "written", (False, False): ""}
        table.add_row(
            kind.name,
            kind.help,
            ", ".join(kind.suffixes) or "folders",
            "yes",
            "yes" if kind.writable else "",
            "yes" if kind.has_classes else "",
            many[kind.many_read, kind.many_written],
        )
    console.print(table)


COMMAND = Command("formats", 44, formats)
