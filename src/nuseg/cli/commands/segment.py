"""`nuseg segment`: images and slides to masks, labels, QuPath detections and tables of nuclei."""

import re
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.commands.stain import check_method
from nuseg.cli.messages import as_options
from nuseg.progress import Progress
from nuseg.text import plural, printable

if TYPE_CHECKING:
    from nuseg.results.summary import Row
    from nuseg.segmentation.folder import FolderResult


class Quality(StrEnum):
    """How much time to spend."""

    AUTO = "auto"
    FAST = "fast"
    LIGHT = "light"
    DEFAULT = "default"
    BEST = "best"


def check_device(given: str) -> str:
    """Refuse a device that no engine serves."""
    from nuseg.engines.loading import known_devices, serving

    if given != "auto" and not serving(given):
        raise typer.BadParameter(f"{given!r:.200} is not one of {', '.join(map(repr, ['auto', *known_devices()]))}")
    return given


def check_shard(given: str | None) -> str | None:
    """Refuse what is not two whole numbers."""
    if given is not None and re.fullmatch(r"\d{1,9}/\d{1,9}", given, re.ASCII) is None:
        raise typer.BadParameter(f"{given!r:.200}: expected K/N, such as 3/8 for the third of eight")
    return given


def segment(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGES", help="Images, slides, folders of them, or patterns such as 'case*/*.tif'."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; is made if it does not exist.")],
    output: Annotated[str | None, typer.Option(help="Which results, with commas.")] = None,
    mpp: Annotated[
        float | None,
        typer.Option(help="Resolution of all images (um/px); default: what the files say, else 0.25 with a note."),
    ] = None,
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="Time against accuracy. fast: the shipped model for 0.5 um/px, which sees a quarter of the pixels: "
            "for a first look and for large slides. default: the shipped model for 0.25 um/px. light: a smaller one of "
            "the same resolution, three quarters of the time, a little less accurate. best: the default model, or "
            "the one that --model names, sees each image in eight views, mirrored and turned, and takes their mean: a "
            "little more accurate, eight times as long. auto: light on CPUs without instructions for 8-bit networks "
            "(VNNI), on which default is slow, fast on those without AVX2, and says so; else default.",
            show_default="default",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Shipped model (see `nuseg models`), model folder, or run folder; default: the quality's."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where the network runs: auto, cpu, cuda (all GPUs; cuda:0 is the first one), mps, or what another "
            "engine serves.",
            callback=check_device,
        ),
    ] = "auto",
    tile: Annotated[
        int | None,
        typer.Option(min=64, help="Side of the tiles (px); default: 2048 to 4096, as memory allows. Never the result."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Count nuclei in x,y,width,height (px of level 0), or in the areas of a GeoJSON file."),
    ] = None,
    tissue: Annotated[
        bool | None,
        typer.Option(
            "--tissue/--no-tissue",
            help="Look for nuclei in tissue alone, or everywhere. Default: in tissue where the image is larger than "
            "1 mm2.",
            show_default=False,
        ),
    ] = None,
    stain: Annotated[
        str | None,
        typer.Option(
            help="Normalise the stain for the network, by one of the methods of `nuseg stain`; default: not at all.",
            callback=check_method,
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the images in a column `name`, and their `patient` or `group`: both go to every table.",
            show_default=False,
        ),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Make no page about the results, and keep no pictures for one.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Do every N-th image from the K-th on: N processes, such as those of a job array, do all into one "
            "folder.",
            callback=check_shard,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Have images done, and large slides in parts, by the workers of a Dask cluster: the address of its "
            "scheduler, the file that it wrote, or local:4 for four processes on this machine (nuseg\\[cluster]).",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Segment also what is done, and replace results of other images."),
    ] = False,
) -> None:
    """Segment, count and measure nuclei in H&E images and whole slides.

    Results go to OUT/OUTPUT/NAME.suffix, such as OUT/geojson/NAME.geojson
    (for QuPath) and OUT/csv/NAME.csv; OUT/summary.csv has one row per image:
    count, nuclei per mm2, mean area, resolution. OUT/report.html shows all of
    them on one page (see `nuseg report`). With areas in --region, each is
    counted by itself too: OUT/annotations.csv has one row per area.

    The same command again goes on where it was interrupted, also in the
    middle of a slide: images whose results are there, by the same model and
    options, are skipped. A bad or missing image is reported, the others are
    done, and the exit code is 1.

    [bold]Examples[/bold]

    nuseg segment biopsy.tif -o results

    nuseg segment scans/ 'more/*.png' -o results --mpp 0.5 --output csv,geojson

    nuseg segment slide.svs -o results --region 20000,15000,8000,8000
    """
    from rich.console import Console

    from nuseg.cli.progress import progress_bar
    from nuseg.cli.stopping import Stopped, leave, stoppable
    from nuseg.segmentation.folder import segment_folder

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    warned: set[str] = set()
    done: list[str] = []

    def say(text: str) -> None:
        console.print(printable(as_options(text)), markup=False)

    def each(row: "Row", number: int, total: int) -> None:
        done.append(row.name)
        if row.error:
            say(f"error: {row.error}")
        elif row.warning and (kind := kind_of_warning(row)) not in warned:
            warned.add(kind)
            say(f"warning: {row.warning}")
        progress(Progress("images", number, total))

    try:
        with ExitStack() as stack:
            stack.enter_context(stoppable())
            progress = stack.enter_context(progress_bar(console))
            client = None
            if cluster is not None:
                from nuseg.segmentation.cluster import connect

                client, threads = stack.enter_context(connect(cluster, threads))
            result = segment_folder(
                list(images),
                out,
                None if output is None else [word.strip() for word in output.split(",") if word.strip()],
                mpp=mpp,
                model=model,
                quality=quality.value if quality else None,
                region=region,
                tissue=tissue,
                device=device,
                threads=threads,
                tile=tile,
                stain=stain,
                overwrite=overwrite,
                table=table,
                report=not no_report,
                shard=shard_of(shard),
                client=client,
                progress=progress,
                each=each,
                said=say,
            )
    except Stopped as stopped:
        say(
            f"interrupted: {plural(len(done), 'image')} done, see {out / 'summary.csv'}; give the same command again "
            "to go on"
        )
        leave(stopped.exit_code)
        raise typer.Exit(stopped.exit_code) from None
    report(result)
    if result.missing or result.failed:
        raise typer.Exit(1)


def shard_of(given: str | None) -> tuple[int, int] | None:
    """Read K/N."""
    if given is None:
        return None
    number, count = given.split("/")
    return int(number), int(count)


def kind_of_warning(row: "Row") -> str:
    """What a warning says, whatever file and numbers it is about: each kind is printed once."""
    return re.sub(r"[\d.]+", "", row.warning.replace(row.image, "").replace(Path(row.image).name, ""))


def report(result: "FolderResult") -> None:
    """Print what a run came to."""
    from nuseg.results.annotated import ANNOTATIONS

    good = [row for row in result.rows if not row.error]
    if good:
        nuclei = sum(row.nuclei or 0 for row in good)
        print(f"{plural(len(good), 'image')}: {plural(nuclei, 'nucleus', 'nuclei')}, summary in {result.summary}")
        names = dict.fromkeys(name for row in good for name in row.classes)
        counts = {name: sum(row.classes.get(name, 0) for row in good) for name in names}
        if counts:
            print(f"classes: {', '.join(f'{printable(name)} {count:,}' for name, count in counts.items())}")
    if result.skipped:
        print(f"{plural(result.skipped, 'image')} done before (--overwrite does all again)")
    noted = [row for row in good if row.warning]
    kinds = len({kind_of_warning(row) for row in noted})
    if len(noted) > kinds:
        above = "those" if kinds > 1 else "the one"
        print(f"{plural(len(noted), 'image')} with a warning like {above} above: see {result.summary}")
    if result.failed:
        print(f"{plural(len(result.failed), 'image')} failed: see {result.summary}")
    if result.folders:
        print(f"files: {', '.join(map(str, result.folders))}")
    annotations = result.summary.with_name(ANNOTATIONS)
    if annotations.is_file():
        print(f"per annotation: {annotations}")
    if result.report is not None:
        print(f"page: {result.report}")


def outputs_help() -> str:
    """Help on the outputs, from their registry."""
    from nuseg.results.registry import default_outputs, outputs

    listed = "; ".join(f"[bold]{output.name}[/bold]: {output.help}" for output in outputs.values())
    usual = {kind: ", ".join(output.name for output in default_outputs(kind)) for kind in ("image", "slide")}
    return (
        f"Which results, with commas. {listed}. [dim]Default for images: {usual['image']}; for slides: "
        f"{usual['slide']}[/dim]"
    )


COMMAND = Command("segment", 20, segment, {"output": outputs_help})
