"""`nuseg formats`: the annotation formats."""

from typing import Annotated

import typer

from nuseg.cli.command import Command


def formats(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One format, explained.")] = None,
) -> None:
    """List the annotation formats. All are read; the list says which are written, and what each holds.

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
        paragraphs = [" ".join(paragraph.split()) for paragraph in about.split("\n\n")]
        facts = {"kept": kind.kept, "lost": kind.lost, "coordinates": kind.convention}
        lines = [f"{label}: {text}" for label, text in facts.items() if text]
        console.print("\n\n".join([*paragraphs, "\n".join(lines)]), markup=False)
        return
    table = Table("format", "content", "files", "written", "classes", "many images")
    for kind in annotation_formats.values():
        many = {(True, True): "yes", (True, False): "yes", (False, True): "written", (False, False): ""}
        table.add_row(
            kind.name,
            kind.help,
            ", ".join((kind.written_suffixes or kind.suffixes)[:2]) or "folders",
            "yes" if kind.writable else "",
            "yes" if kind.has_classes else "",
            many[kind.many_read, kind.many_written],
        )
    console.print(table)


COMMAND = Command("formats", 44, formats)
