"""`nuseg info`: what images and slides are, and how a model would read them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.messages import as_options
from nuseg.text import one_line, printable

if TYPE_CHECKING:
    from rich.table import Table

    from nuseg.io.source import Source


def info(
    files: Annotated[list[str], typer.Argument(help="Images, slides, folders of them, or patterns.")],
    mpp: Annotated[float | None, typer.Option(help="Resolution (um/px), over what the files say.")] = None,
    model: Annotated[str, typer.Option(help="Model that would read them.")] = "default",
) -> None:
    """Say what images and slides are: size, resolution, levels, and how a model would read them."""
    from rich.console import Console

    from nuseg.errors import NusegError
    from nuseg.io.find import find_images
    from nuseg.io.opening import open_source
    from nuseg.model.store import load_model

    wanted = load_model(model).config.mpp
    failed: list[str] = []
    notes: list[str] = []
    console = Console(highlight=False)
    for path in find_images(files, failed=failed.append, slides=True, noted=notes.append):
        try:
            with open_source(path) as source:
                console.print(as_table(path, describe(source, mpp, wanted)))
        except NusegError as error:
            failed.append(one_line(error))
    problems = Console(stderr=True, highlight=False, soft_wrap=True)
    for text in (*(f"note: {note}" for note in notes), *(f"error: {problem}" for problem in failed)):
        problems.print(as_options(text), markup=False)
    if failed:
        raise typer.Exit(1)


def as_table(path: Path, facts: dict[str, str]) -> "Table":
    """Lay facts out as a table."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(printable(path)), title_justify="left", show_header=False)
    for fact in facts.items():
        table.add_row(*map(escape, fact))
    return table


def describe(source: "Source", mpp: float | None, wanted: float) -> dict[str, str]:
    """Describe an image or a slide, and how a model of `wanted` um/px would read it."""
    from nuseg.errors import NusegError
    from nuseg.segmentation.resample import ModelGrid

    facts = {"format": f"{source.kind}, {source.vendor}", "size": f"{source.width} x {source.height} px"}
    try:
        resolution = source.resolution(mpp)
    except NusegError as error:
        return facts | {"resolution": as_options(str(error))}
    used = resolution.mpp
    assumed = " (assumed)" if resolution.note and mpp is None else ""
    facts["resolution"] = f"{used:g} um/px, {resolution.source}{assumed}"
    facts["size on the slide"] = f"{source.width * used / 1000:.2f} x {source.height * used / 1000:.2f} mm"
    if source.kind == "slide":
        facts |= slide_facts(source, used)
    notes = [*source.notes, *([as_options(resolution.note)] if resolution.note and mpp is not None else [])]
    if notes:
        facts["notes"] = "\n".join(map(printable, notes))
    grid = ModelGrid.of(source, used, wanted)
    steps = []
    if grid.shrink > 1:
        steps.append(f"{grid.shrink} x {grid.shrink} px averaged")
    if grid.zoom != 1:
        steps.append(f"interpolated by {1 / grid.zoom:.3g}")
    how = ", ".join(steps) or "as it is"
    facts[f"read at {wanted:g} um/px"] = f"{how}: {grid.shape[1]} x {grid.shape[0]} px"
    return facts


def slide_facts(slide: "Source", mpp: float) -> dict[str, str]:
    """What only a slide has: objective, levels, further pictures; `mpp` is that of level 0."""
    facts = {"objective": f"{slide.objective:g}x" if slide.objective else "not stated"}
    facts["levels"] = "\n".join(
        f"{number}: {level.width} x {level.height} px, 1/{level.downsample:g}, {mpp * level.downsample:.3g} um/px"
        for number, level in enumerate(slide.levels)
    )
    if slide.bounded:
        facts["scanned part"] = f"begins at x {slide.origin[0]}, y {slide.origin[1]} of the file's level 0"
    facts["further pictures"] = ", ".join(slide.associated) or "none"
    return facts


COMMAND = Command("info", 30, info)
