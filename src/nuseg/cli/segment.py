"""`nuseg segment`: images and slides to masks, labels, QuPath detections and tables of nuclei."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.messages import as_options
from nuseg.text import plural

if TYPE_CHECKING:
    from nuseg.results.summary import Row


class Device(StrEnum):
    """Where the network runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Quality(StrEnum):
    """How much time to spend."""

    FAST = "fast"
    DEFAULT = "default"
    BEST = "best"


def segment(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGES", help="Images, slides, folders of them, or patterns such as 'case*/*.tif'."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; is made where missing.")],
    output: Annotated[
        str | None,
        typer.Option(
            help="Which results, with commas. Images: mask, labels, geojson, csv, parquet, overlay; default all but "
            "parquet. Slides: geoparquet, geojson, geojson-gz, csv, overview, density, tissue, summary, zarr, anndata; "
            "default geoparquet, geojson, overview, density, tissue, summary.",
        ),
    ] = None,
    mpp: Annotated[
        float | None,
        typer.Option(help="Resolution of all images (um/px); default: what the files say, else 0.25 with a warning."),
    ] = None,
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="Time to spend: fast sees a quarter of the pixels; best sees each image in eight orientations, "
            "which takes eight times as long.",
            show_default="default",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Shipped model (see `nuseg models`), model folder, or run folder; default: the quality's."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs; auto takes CUDA where it can.")] = Device.AUTO,
    tile: Annotated[
        int | None,
        typer.Option(min=64, help="Side of the tiles (px): memory, never the result. Default: 1024, slides 2048."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Slides: count nuclei in x,y,width,height (px of level 0) or a GeoJSON file from QuPath."),
    ] = None,
    tissue: Annotated[bool, typer.Option(help="Slides: look for nuclei in tissue alone, or everywhere.")] = True,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Segment also what is done, and replace results of other images."),
    ] = False,
) -> None:
    """Segment, count and measure nuclei in H&E images and whole slides.

    Each image gets OUT/mask/NAME.png, OUT/labels/NAME.tiff,
    OUT/geojson/NAME.geojson (for QuPath), OUT/csv/NAME.csv and
    OUT/overlay/NAME.png; OUT/summary.csv has one row an image: count, nuclei
    per mm2, mean area, resolution. What a slide gets is under --output.

    The same command again goes on where it was interrupted, also in the
    middle of a slide: images whose results are there, by the same model and
    --mpp, are skipped. A bad or missing image is reported, the others are
    done, and the exit code is 1.

    [bold]Examples[/bold]

    nuseg segment biopsy.tif -o results

    nuseg segment scans/ 'more/*.png' -o results --mpp 0.5 --output csv,geojson

    nuseg segment slide.svs -o results --region 20000,15000,8000,8000
    """
    import contextlib
    import sys

    import cv2
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from nuseg.io.atomic import check_folder
    from nuseg.io.image import find_images
    from nuseg.io.resolution import check_mpp
    from nuseg.model.store import choose_model
    from nuseg.results import summary
    from nuseg.segmentation.folder import Batch, Job, find_slides, plan_jobs
    from nuseg.segmentation.outputs import choose_outputs
    from nuseg.segmentation.pipeline import Progress as SlideProgress
    from nuseg.segmentation.plan import SLIDE_TILE, SlideOptions
    from nuseg.segmentation.region import read_region
    from nuseg.segmentation.segmenter import Segmenter
    from nuseg.segmentation.tiling import DEFAULT_TILE

    words = None if output is None else [word.strip() for word in output.split(",") if word.strip()]
    choose_outputs(words, images=False, slides=False)  # a word unknown to both is said before files are looked at
    if mpp is not None:
        check_mpp(mpp, "mpp=")
    check_folder(out)
    options = SlideOptions(mpp, read_region(region) if region else None, tissue, tile or SLIDE_TILE)
    if threads is not None:
        cv2.setNumThreads(threads)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    missing: list[str] = []

    def warn(text: str) -> None:
        console.print(as_options(f"warning: {text}"), markup=False)

    all_jobs = find_slides(plan_jobs(find_images(images, failed=missing.append, slides=True, noted=warn)))
    for problem in missing:
        console.print(as_options(f"error: {problem}"), markup=False)
    if not all_jobs:
        raise typer.Exit(1)
    slides = any(job.slide for job in all_jobs)
    outputs, slide_outputs = choose_outputs(words, images=not all(job.slide for job in all_jobs), slides=slides)
    batch = Batch(all_jobs, out, outputs, mpp, slide_outputs, options)
    rows = summary.read(out / summary.FILE)
    found = choose_model(model, quality.value if quality else None)
    if overwrite:
        jobs = list(batch.jobs)
    else:
        batch.check_clashes(rows)
        jobs = batch.undone(found, rows)
    done: list[Row] = []
    if jobs:
        segmenter = Segmenter.load(found, device.value, threads, tile or DEFAULT_TILE)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("segmenting", total=len(jobs))
            tiles = bar.add_task("", total=None, visible=False)

            def show_image(part: float) -> None:
                bar.update(task, completed=len(done) + part)

            def show_slide(job: Job, state: SlideProgress) -> None:
                text = f"{job.image.name}: {state.nuclei:,} nuclei, tiles"
                left = state.tiles < state.all_tiles
                bar.update(tiles, description=text, completed=state.tiles, total=state.all_tiles, visible=left)

            work = batch.run(segmenter, jobs, rows, show_image, show_slide)
            with contextlib.closing(work):
                for row in work:
                    done.append(row)
                    bar.update(task, completed=len(done))
                    if row.error:
                        console.print(as_options(f"error: {row.error}"), markup=False)
                    elif row.warning and not any(earlier.warning for earlier in done[:-1]):
                        warn(row.warning)
    report(done, len(batch.jobs) - len(jobs), out / summary.FILE)
    if missing or any(row.error for row in done):
        raise typer.Exit(1)


def report(rows: list["Row"], skipped: int, path: Path) -> None:
    """Print what a batch came to."""
    good = [row for row in rows if not row.error]
    if good:
        nuclei = sum(row.nuclei or 0 for row in good)
        print(f"{plural(len(good), 'image')}: {plural(nuclei, 'nucleus', 'nuclei')}, summary in {path}")
    if skipped:
        print(f"{plural(skipped, 'image')} done before (--overwrite does all again)")
    warned = sum(bool(row.warning) for row in good)
    if warned > 1:
        print(f"{plural(warned, 'image')} with a warning like the one above: see {path}")
    failed = len(rows) - len(good)
    if failed:
        print(f"{plural(failed, 'image')} failed: see {path}")
