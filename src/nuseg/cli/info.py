"""`nuseg info`: what images and slides are, and how a model would read them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.messages import as_options

if TYPE_CHECKING:
    from rich.table import Table

    from nuseg.io.image import Image
    from nuseg.io.source import Slide


def info(
    files: Annotated[list[str], typer.Argument(help="Images, slides, folders of them, or patterns.")],
    mpp: Annotated[float | None, typer.Option(help="Resolution (um/px), over what the files say.")] = None,
    model: Annotated[str, typer.Option(help="Model that would read them.")] = "default",
) -> None:
    """Say what images and slides are: size, resolution, levels, and how a model would read them."""
    from rich.console import Console

    from nuseg.errors import NusegError
    from nuseg.io.image import find_images, read_image
    from nuseg.io.source import is_slide, open_slide
    from nuseg.model.store import load_model

    wanted = load_model(model).config.mpp
    failed: list[str] = []
    console = Console(highlight=False)
    problems = Console(stderr=True, highlight=False, soft_wrap=True)

    def warn(text: str) -> None:
        problems.print(as_options(f"warning: {text}"), markup=False)

    for path in find_images(files, failed=failed.append, slides=True, noted=warn):
        try:
            if is_slide(path):
                with open_slide(path) as slide:
                    console.print(as_table(path, slide_facts(slide, mpp, wanted)))
            else:
                console.print(as_table(path, image_facts(read_image(path), mpp, wanted)))
        except NusegError as error:
            failed.append(str(error))
    for problem in failed:
        problems.print(as_options(f"error: {problem}"), markup=False)
    if failed:
        raise typer.Exit(1)


def as_table(path: Path, facts: dict[str, str]) -> "Table":
    """Lay facts out as a table."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(str(path)), title_justify="left", show_header=False)
    for fact in facts.items():
        table.add_row(*map(escape, fact))
    return table


def slide_facts(slide: "Slide", mpp: float | None, wanted: float) -> dict[str, str]:
    """Describe a slide."""
    from nuseg.errors import NusegError
    from nuseg.segmentation.resample import ModelGrid

    facts = {"format": f"slide, {slide.vendor}", "size": f"{slide.width} x {slide.height} px"}
    try:
        used, facts["resolution"] = resolution(slide, mpp)
    except NusegError as error:
        return facts | {"resolution": as_options(str(error))}
    facts["size on the slide"] = f"{slide.width * used / 1000:.2f} x {slide.height * used / 1000:.2f} mm"
    facts["objective"] = f"{slide.objective:g}x" if slide.objective else "not stated"
    facts["levels"] = "\n".join(
        f"{number}: {level.width} x {level.height} px, 1/{level.downsample:g}, {used * level.downsample:.3g} um/px"
        for number, level in enumerate(slide.levels)
    )
    if slide.bounded:
        facts["scanned part"] = f"begins at x {slide.origin[0]}, y {slide.origin[1]} of the file's level 0"
    facts["further pictures"] = ", ".join(slide.associated) or "none"
    grid = ModelGrid.of(slide, used, wanted)
    steps = [f"level {grid.level}"]
    if grid.shrink > 1:
        steps.append(f"{grid.shrink} x {grid.shrink} px averaged")
    if grid.zoom != 1:
        steps.append(f"interpolated by {1 / grid.zoom:.3g}")
    facts[f"read at {wanted:g} um/px"] = f"{', '.join(steps)}: {grid.shape[1]} x {grid.shape[0]} px"
    return facts


def image_facts(image: "Image", mpp: float | None, wanted: float) -> dict[str, str]:
    """Describe an image."""
    from nuseg.errors import NusegError
    from nuseg.segmentation.image_grid import model_shape

    height, width = image.pixels.shape[:2]
    facts = {"format": "image", "size": f"{width} x {height} px"}
    try:
        used, facts["resolution"] = resolution(image, mpp)
    except NusegError as error:
        return facts | {"resolution": as_options(str(error))}
    facts["size on the slide"] = f"{width * used / 1000:.2f} x {height * used / 1000:.2f} mm"
    rows, columns = model_shape((height, width), used, wanted)
    facts[f"read at {wanted:g} um/px"] = f"{columns} x {rows} px"
    return facts


def resolution(source: "Image | Slide", mpp: float | None) -> tuple[float, str]:
    """Settle a resolution, and say where it comes from; what would be warned of is part of that."""
    import warnings

    from nuseg.io.resolution import resolve_mpp
    from nuseg.io.source import Slide

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = source.resolution(mpp) if isinstance(source, Slide) else resolve_mpp(source, mpp)
    assumed = " (assumed)" if mpp is None and source.mpp is None else ""
    return found.mpp, f"{found.mpp:g} um/px, {found.source}{assumed}"
