"""`nuseg stain`: images and slides with their stains told apart, and with the look of another."""

from pathlib import Path
from typing import Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.messages import as_options


def check_method(given: str | None) -> str | None:
    """Refuse a method that is not in the registry."""
    from nuseg.preprocess.stain.registry import stain_methods

    if given is not None and given not in stain_methods:
        raise typer.BadParameter(f"{given!r} is not one of {', '.join(map(repr, stain_methods))}")
    return given


def stain(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGES", help="Images, slides, folders of them, or patterns such as 'case*/*.tif'."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; is made if it does not exist.")],
    method: Annotated[str, typer.Option(callback=check_method)] = "macenko",
    reference: Annotated[
        Path | None,
        typer.Option(
            help="What is stained as wanted: an image, a slide, or a stain/NAME.json of this command; default: a look "
            "that comes with nuseg."
        ),
    ] = None,
    mpp: Annotated[float | None, typer.Option(help="Resolution (um/px), over what the files say.")] = None,
) -> None:
    """Separate the stains of images and slides, and give all the same look.

    How an image is stained is fitted once, on the tissue of all of it; glass
    becomes white. OUT gets normalised/NAME.tif, haematoxylin/NAME.png and
    eosin/NAME.png, comparison/NAME.png with before and after, and
    stain/NAME.json with the stains as numbers. Of a slide of more than 25
    megapixels these are of an overview.

    `nuseg segment --stain METHOD` normalises what the network sees, without
    this command. The results are for other tools, and to look at.

    A bad or missing image is reported, the others are done, and the exit code
    is 1. Too little stain to be fitted, as on glass, is noted, and the pixels
    stay as they are.

    [bold]Examples[/bold]

    nuseg stain biopsy.tif -o stained

    nuseg stain scans/ slide.svs -o stained --method vahadane --reference good.png
    """
    from rich.console import Console

    from nuseg.cli.progress import progress_bar
    from nuseg.io.atomic import check_folder
    from nuseg.io.opening import open_source
    from nuseg.io.resolution import check_mpp
    from nuseg.preprocess.stain.normaliser import choose_target, plan_normaliser
    from nuseg.preprocess.stain.outputs import write_stain
    from nuseg.progress import tracked
    from nuseg.segmentation.folder import find_inputs
    from nuseg.segmentation.jobs import plan_jobs
    from nuseg.segmentation.one_image import error_line
    from nuseg.text import plural, printable

    console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        console.print(printable(as_options(text)), markup=False)

    check_folder(out)
    if mpp is not None:
        check_mpp(mpp, "mpp=")
    target = choose_target(method, reference)
    found, missing, notes = find_inputs(list(images))
    inputs = [image for image in found if not image.resolve().is_relative_to(out.resolve())]
    if len(inputs) < len(found):
        notes.append(f"{plural(len(found) - len(inputs), 'file')} in {printable(out)}: results are left out")
    for text in (*(f"error: {problem}" for problem in missing), *(f"note: {note}" for note in notes)):
        say(text)
    failed = 0
    with progress_bar(console) as progress:
        for job in tracked(plan_jobs(inputs), "images", progress):
            try:
                with open_source(job.image) as source:
                    normaliser = plan_normaliser(source, method, target, mpp)
                    written = write_stain(source, normaliser, out, job.name, mpp)
            except Exception as error:  # one bad image must not end a run of many, whatever a decoder raises
                failed += 1
                say(f"error: {error_line(error, job.image)}")
                continue
            for note in written.notes:
                say(f"note: {note}")
    if len(inputs) > failed:
        print(f"{plural(len(inputs) - failed, 'image')}: {out}")
    if failed or missing:
        raise typer.Exit(1)


def methods_help() -> str:
    """Help on the methods, from their registry."""
    from nuseg.preprocess.stain.registry import stain_methods

    listed = "; ".join(f"[bold]{method.name}[/bold]: {method.help}" for method in stain_methods.values())
    return f"How stains are found and changed. {listed}."


COMMAND = Command("stain", 35, stain, {"method": methods_help})
