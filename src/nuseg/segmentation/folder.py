"""Many images and slides into one folder: what `nuseg segment` does."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.engines.loading import Device
from nuseg.engines.quality import AskedQuality, choose_quality
from nuseg.errors import NusegError
from nuseg.io.atomic import check_folder
from nuseg.io.find import find_images
from nuseg.io.resolution import check_mpp
from nuseg.model.store import Model, choose_model
from nuseg.notebook import with_bars
from nuseg.preprocess.stain.normaliser import choose_target
from nuseg.progress import ProgressCallback
from nuseg.results import summary
from nuseg.results.clinical import read_clinical
from nuseg.results.cohort.report import PAGE, is_current, write_report
from nuseg.results.ownership import part_results
from nuseg.results.records import Records
from nuseg.results.registry import check_outputs
from nuseg.results.registry import outputs as known_outputs
from nuseg.results.summary import Row
from nuseg.segmentation.cluster import on_cluster
from nuseg.segmentation.cluster_tasks import order_model
from nuseg.segmentation.folder_run import FolderRun
from nuseg.segmentation.jobs import Job, plan_jobs
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import Region, read_region
from nuseg.segmentation.segmenter import Segmenter
from nuseg.text import plural, printable

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class FolderResult:
    """What became of many images.

    Attributes
    ----------
    rows : list of Row
        One per image that was segmented now.
    skipped : int
        Images whose results were there already.
    missing : list of str
        Why inputs gave no image.
    notes : list of str
        What the user should know of the inputs.
    summary : Path
        The table of all images in the folder.
    report : Path, optional
        The page about them.
    """

    rows: list[Row]
    skipped: int
    missing: list[str]
    notes: list[str]
    summary: Path
    report: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """The folders of results, one of each output that was ever written there."""
        places = {output.path(self.summary.parent, "name").parent for output in known_outputs.values()}
        return sorted(place for place in places if place.is_dir())

    @property
    def failed(self) -> list[Row]:
        """The rows with an error."""
        return [row for row in self.rows if row.error]


@with_bars
def segment_folder(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    outputs: Sequence[str] | None = None,
    *,
    mpp: float | None = None,
    model: str | Path | Model | None = None,
    quality: AskedQuality | None = None,
    region: str | Path | Region | None = None,
    tissue: bool | None = None,
    device: Device = "auto",
    threads: int | None = None,
    tile: int | None = None,
    stain: str | None = None,
    overwrite: bool = False,
    table: str | Path | None = None,
    report: bool = True,
    progress: ProgressCallback | None = None,
    shard: tuple[int, int] | None = None,
    client: "Client | None" = None,
    each: Callable[[Row, int, int], None] | None = None,
    said: Callable[[str], None] | None = None,
) -> FolderResult:
    """Segment many images and slides, and write their results and a summary.

    What is done already, by the same model and options, is not done again; an interrupted run goes on, also in the
    middle of a slide. A bad image becomes a row with an error, and the others are done. Several processes may write
    into one folder: none does what another one is doing, and the summary has the rows of all.

    Parameters
    ----------
    inputs : path, or sequence of paths
        Images, slides, folders of them, or patterns such as "scans/**/*.png".
    out : path
        Results go to `out/OUTPUT/NAME.suffix` and `out/summary.csv`.
    outputs : sequence of str, optional
        Which results; default: those usual for an image or a slide.
    mpp : float, optional
        Resolution of all images in um/px, as of `nuseg.segment`.
    model : str, path or Model, optional
        As of `nuseg.segment`.
    quality : "auto", "fast", "light", "default" or "best", optional
        As of `nuseg.segment`; "auto" looks at this machine, also where the workers of a cluster do the images.
    region : str, path or Region, optional
        As of `nuseg.segment`.
    tissue : bool, optional
        As of `nuseg.segment`.
    device : str
        As of `nuseg.segment`.
    threads : int, optional
        As of `nuseg.segment`.
    tile : int, optional
        Side of the tiles in px, as of `nuseg.segment`.
    stain : str, optional
        As of `nuseg.segment`.
    overwrite : bool
        Do again what is done, and replace results of other images.
    table : path, optional
        CSV with the names of the images, and their `patient` or `group`: both go to every table and to the report.
    report : bool
        Write one page about all results in the folder, and its table.
    progress : function, optional
        Called with a `nuseg.Progress` after each tile; default: bars in notebooks, else nothing.
    shard : tuple of int, optional
        (k, n): take every n-th image from the k-th on (1..n), so that n processes, such as those of a job array, do
        all; the summary has the rows of all. Default: all images.
    client : distributed.Client, optional
        Let the workers of a Dask cluster do the images: they need nuseg, and the images and `out` under the same
        paths. A slide is done in ranges of tiles by several workers. Default: this process.
    each : function, optional
        Called after each image with its row, how many are done, and of how many.
    said : function, optional
        Called at once with each reason why an input gives no image, and with each note on the inputs and on other
        processes.

    Returns
    -------
    FolderResult

    Raises
    ------
    NusegError
        No input gives an image, an option is wrong, or the folder cannot be written, or vanished.
    KeyboardInterrupt
        As it came; the summary is written before, and the same call goes on.
    """
    out = Path(out)
    if outputs is not None:
        check_outputs(outputs)  # a wrong word is said before files are looked at
    if mpp is not None:
        check_mpp(mpp, "mpp=")
    if stain is not None:
        choose_target(stain)
    check_folder(out)
    clinical = None if table is None else read_clinical(table)
    area = region if region is None or isinstance(region, Region) else read_region(str(region))
    told = said or (lambda text: None)
    images, missing, notes = find_inputs(inputs)
    for text in (*(f"error: {problem}" for problem in missing), *(f"note: {note}" for note in notes)):
        told(text)
    options = SegmentOptions(mpp, area, tissue, tile, stain)
    run = FolderRun(take_shard(plan_jobs(images), shard), out, outputs, options, overwrite, report, clinical)
    rows: list[Row] = []
    if not run.jobs:
        if images:
            told(f"note: {plural(len(images), 'image')} for {shard[1] if shard else 1} shards: none for this one")
        return FolderResult(rows, 0, missing, notes, out / summary.FILE)
    records = Records(out)
    earlier = records.read()
    quality, choice = choose_quality(quality, model, device)
    chosen = choose_model(model, quality)
    if not overwrite:
        run.check_clashes(earlier)
    jobs = list(run.jobs) if overwrite else run.undone(chosen, earlier)
    if clinical is not None and earlier:
        records.relabel(clinical)
    if not jobs:
        records.write_summary()  # an earlier run may have been killed before it could
        if report and (table is not None or not is_current(out)):
            write_report(out, table=table)
        page = out / PAGE if report else None
        return FolderResult(rows, len(run.jobs), missing, notes, out / summary.FILE, page)
    with ExitStack() as stack:
        if client is None:
            segmenter = replace(Segmenter.load(chosen, device, threads), quality=quality, notes=choice)
            work = run.run(segmenter, jobs, progress, told)
        else:
            order = replace(order_model(chosen, quality, device, threads), notes=choice)
            way = stack.enter_context(on_cluster(client, run.wanted(chosen), order, run.stop, told))
            work = run.run_by(way, jobs, progress, told)
        stack.callback(work.close)
        try:
            for row in work:
                rows.append(row)
                if each is not None:
                    each(row, len(rows), len(jobs))
        except BaseException:
            run.stop()
            raise
    page = write_report(out, table=table).page if report else None
    return FolderResult(rows, len(run.jobs) - len(jobs), missing, notes, out / summary.FILE, page)


def take_shard(jobs: Sequence[Job], shard: tuple[int, int] | None) -> list[Job]:
    """Take every n-th job from the k-th on, where a shard (k, n) is asked for.

    Raises
    ------
    NusegError
        There is no such shard.
    """
    if shard is None:
        return list(jobs)
    number, count = shard
    if not 1 <= number <= count:
        raise NusegError(f"shard='{number}/{count}': expected K/N with K from 1 to N, such as 1/8 to 8/8")
    return list(jobs[number - 1 :: count])


def find_inputs(inputs: str | Path | Sequence[str | Path]) -> tuple[list[Path], list[str], list[str]]:
    """Find the images and slides that inputs name, without what nuseg wrote itself.

    Returns
    -------
    images : list of Path
    missing : list of str
        Why inputs gave no image.
    notes : list of str
        What was left out.
    """
    missing: list[str] = []
    notes: list[str] = []
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    images, own = part_results(find_images(given, failed=missing.append, slides=True, noted=notes.append))
    if own:
        left_out = f"{plural(len(own), 'file')} that nuseg wrote, such as {printable(own[0])}"
        if images:
            notes.append(f"{left_out}: left out")
        else:
            missing.append(f"no image to segment: only {left_out}; name images")
    return images, missing, notes
