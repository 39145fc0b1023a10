"""`nuseg segment`: images to masks, labels, QuPath detections and tables of nuclei."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nuseg.io.results.summary import Row


class Device(StrEnum):
    """Where the network runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


def segment(
    images: Annotated[list[str], typer.Argument(help="Images, folders of images, or patterns such as 'case*/*.tif'.")],
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
        float | None, typer.Option(help="Resolution of all images (um/px), over what the files say.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Shipped model (see `nuseg models`), model folder, or run folder.")
    ] = "default",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs; auto takes CUDA where it can.")] = Device.AUTO,
    tile: Annotated[
        int,
        typer.Option(min=64, help="Side of the tiles a large image is cut into (px): memory, never the result."),
    ] = 1024,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Segment also what is done, and replace results of other images."),
    ] = False,
) -> None:
    """Segment, count and measure nuclei in H&E images.

    Each image gets OUT/mask/NAME.png, OUT/labels/NAME.tiff, OUT/geojson/NAME.geojson (for QuPath),
    OUT/csv/NAME.csv and OUT/overlay/NAME.png; OUT/summary.csv has one row an image: count, nuclei per mm2,
    mean area, resolution.

    The same command again goes on where it was interrupted: images whose results are there, by the same model
    and --mpp, are skipped. A bad or missing image is reported, the others are done, and the exit code is 1.

    [bold]Examples[/bold]

    nuseg segment biopsy.tif -o results

    nuseg segment scans/ 'more/*.png' -o results --mpp 0.5 --output csv,geojson
    """
    import contextlib
    import sys

    import cv2
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from nuseg.infer.batch import Batch, plan_jobs
    from nuseg.infer.outputs import choose_outputs
    from nuseg.infer.segment import Segmenter
    from nuseg.io.atomic import check_folder
    from nuseg.io.image import find_images
    from nuseg.io.resolution import check_mpp
    from nuseg.io.results import summary
    from nuseg.model.store import load_model

    words = None if output is None else [word.strip() for word in output.split(",") if word.strip()]
    outputs, _slide_outputs = choose_outputs(words, images=True, slides=False)
    if mpp is not None:
        check_mpp(mpp, "--mpp")
    check_folder(out)
    if threads is not None:
        cv2.setNumThreads(threads)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    missing: list[str] = []
    batch = Batch(plan_jobs(find_images(images, failed=missing.append)), out, outputs, mpp)
    for problem in missing:
        console.print(f"error: {problem}", markup=False)
    if not batch.jobs:
        raise typer.Exit(1)
    rows = summary.read(out / summary.FILE)
    found = load_model(model)
    if overwrite:
        jobs = list(batch.jobs)
    else:
        batch.check_clashes(rows)
        jobs = batch.undone(found, rows)
    done: list[Row] = []
    if jobs:
        segmenter = Segmenter.load(found, device.value, threads, tile)
        columns = TextColumn("segmenting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("", total=len(jobs))
            work = batch.run(segmenter, jobs, rows, lambda part: bar.update(task, completed=len(done) + part))
            with contextlib.closing(work):
                for row in work:
                    done.append(row)
                    bar.update(task, completed=len(done))
                    if row.error:
                        console.print(f"error: {row.error}", markup=False)
                    elif row.warning and not any(earlier.warning for earlier in done[:-1]):
                        console.print(f"warning: {row.warning}", markup=False)
    report(done, len(batch.jobs) - len(jobs), out / summary.FILE)
    if missing or any(row.error for row in done):
        raise typer.Exit(1)


def report(rows: list["Row"], skipped: int, path: Path) -> None:
    """Print what a batch came to."""
    good = [row for row in rows if not row.error]
    if good:
        nuclei = sum(row.nuclei or 0 for row in good)
        print(f"{plural(len(good), 'image')}: {nuclei:,} nuclei, summary in {path}")
    if skipped:
        print(f"{plural(skipped, 'image')} done before (--overwrite does all again)")
    warned = sum(bool(row.warning) for row in good)
    if warned > 1:
        print(f"{plural(warned, 'image')} with a warning like the one above: see {path}")
    failed = len(rows) - len(good)
    if failed:
        print(f"{plural(failed, 'image')} failed: see {path}")


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
