"""Many images and slides into one folder: names without clashes, what is done already, a row of summary for each."""

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

from nuseg.engines.loading import Device
from nuseg.engines.threads import available_cores, limited_threads
from nuseg.errors import NusegError
from nuseg.io.atomic import check_folder
from nuseg.io.find import find_images
from nuseg.io.resolution import check_mpp
from nuseg.model.store import Model, Quality, choose_model
from nuseg.progress import ProgressCallback
from nuseg.results import summary
from nuseg.results.registry import check_outputs, choose_outputs
from nuseg.results.summary import Row, result_row
from nuseg.segmentation.jobs import Job, plan_jobs
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import Region, read_region
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import DEFAULT_TILE
from nuseg.text import one_line

SUMMARY_EVERY = 10.0  # s; what an interruption may cost
IMAGES_AT_ONCE = 2  # the network sees one while the nuclei of the other are separated, measured and written
Given = TypeVar("Given")
Made = TypeVar("Made")
log = logging.getLogger("nuseg")


@dataclass(frozen=True)
class FolderRun:
    """Images and slides, and where and how their results are written.

    Attributes
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    folder : Path
        Results go to `folder/OUTPUT/NAME.suffix` and `folder/summary.csv`.
    outputs : sequence of str, optional
        Which results; default: those usual for an image or a slide.
    options : SegmentOptions
        How they are segmented.
    """

    jobs: Sequence[Job]
    folder: Path
    outputs: Sequence[str] | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)

    def settings(self, model: Model) -> str:
        """Identify model, thresholds and options, all that results depend on, by eight hexadecimal digits."""
        options = self.options
        region = options.region and options.region.corners()
        text = f"{model.config.model_dump_json()} {options.mpp} {region} {options.tissue}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def undone(self, model: Model, rows: Sequence[Row]) -> list[Job]:
        """Find the images whose results are not there, or not up to date.

        They are up to date where an earlier summary has the image without an error and with the same
        settings, and every output exists and is no older than the image.
        """
        settings = self.settings(model)
        good = {(row.name, row.image, row.settings) for row in rows if not row.error}
        return [
            job for job in self.jobs if (job.name, identity(job.image), settings) not in good or not self.is_newer(job)
        ]

    def paths(self, job: Job) -> list[Path]:
        """Where the results of an image or slide go."""
        outputs = choose_outputs(self.outputs, "slide" if job.slide else "image")
        return [output.path(self.folder, job.name) for output in outputs]

    def is_newer(self, job: Job) -> bool:
        """Whether all outputs of an image exist and are no older than the image."""
        try:
            changed = job.image.stat().st_mtime
            return all(path.stat().st_mtime >= changed for path in self.paths(job))
        except OSError:
            return False

    def check_clashes(self, rows: Sequence[Row]) -> None:
        """Refuse to replace results that an earlier run made of other images.

        Raises
        ------
        NusegError
            The summary has a row of the same name for another image.
        """
        owners = {row.name: row.image for row in rows if not row.error}
        for job in self.jobs:
            other = owners.get(job.name)
            if other not in (None, identity(job.image)):
                raise NusegError(
                    f"{self.folder}: holds results of {other} named {job.name}, which {job.image} would "
                    "replace: choose another output folder, or set overwrite="
                )

    def run(
        self,
        segmenter: Segmenter,
        jobs: Sequence[Job],
        rows: Sequence[Row] = (),
        progress: ProgressCallback | None = None,
    ) -> Generator[Row]:
        """Segment every image and write its results; a failure is a row with an error, and the rest goes on.

        The summary is written every ten seconds and at the end, also when the iteration is broken off.

        Parameters
        ----------
        segmenter : Segmenter
            Model and engine.
        jobs : sequence of Job
            Those of the run that are to be done.
        rows : sequence of Row
            Of earlier runs, kept in the summary where no new one replaces them.
        progress : function, optional
            Called after each tile of the image that is being segmented.

        Yields
        ------
        Row
            After each image.
        """
        table = {row.name: row for row in rows}
        path = self.folder / summary.FILE
        summary.write(list(table.values()), path)  # a folder that cannot be written fails now, not after the work
        saved = time.monotonic()
        alone = replace(segmenter, engine=one_at_a_time(segmenter.engine))
        tell = None if progress is None else one_at_a_time(progress)
        parallel = min(IMAGES_AT_ONCE, segmenter.threads or available_cores())
        waiting: deque[Future[Row]] = deque()
        try:
            with limited_threads(segmenter.threads), ThreadPoolExecutor(parallel) as pool:
                for job in jobs:
                    waiting.append(pool.submit(self.segment_one, alone, job, tell))
                    # A slide keeps the machine busy by itself.
                    while len(waiting) > (0 if job.slide else parallel):
                        yield self.keep(table, waiting)
                        if time.monotonic() - saved >= SUMMARY_EVERY:
                            summary.write(list(table.values()), path)
                            saved = time.monotonic()
                while waiting:
                    yield self.keep(table, waiting)
        finally:
            while waiting:
                self.keep(table, waiting)
            summary.write(list(table.values()), path)

    @staticmethod
    def keep(table: dict[str, Row], waiting: deque[Future[Row]]) -> Row:
        """Wait for the first row, and move it to the summary; interrupted, it goes on waiting."""
        row = waiting[0].result()
        table[row.name] = row
        waiting.popleft()
        return row

    def segment_one(self, segmenter: Segmenter, job: Job, progress: ProgressCallback | None = None) -> Row:
        """Segment one image or slide and write its results; a failure becomes a row with an error."""
        begun = time.perf_counter()
        # What is done of a slide stays there until its results are written.
        checkpoint = self.folder / f"{job.name}.partial" if job.slide else None
        try:
            with segmenter(job.image, options=self.options, checkpoint=checkpoint, progress=progress) as result:
                result.save(self.folder, self.outputs, job.name)
                row = result_row(job.name, identity(job.image), result, self.settings(segmenter.model))
        except Exception as error:  # one bad image must not end a run of thousands
            log.debug("%s", job.image, exc_info=True)
            return Row(job.name, identity(job.image), error=error_line(error, job.image))
        return replace(row, seconds=time.perf_counter() - begun)


def one_at_a_time(function: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """Make a function that several threads call wait for its turn."""
    lock = Lock()

    def call(given: Given) -> Made:
        with lock:
            return function(given)

    return call


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
    """

    rows: list[Row]
    skipped: int
    missing: list[str]
    notes: list[str]
    summary: Path

    @property
    def failed(self) -> list[Row]:
        """The rows with an error."""
        return [row for row in self.rows if row.error]


def segment_folder(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    outputs: Sequence[str] | None = None,
    *,
    mpp: float | None = None,
    model: str | Path | Model | None = None,
    quality: Quality | None = None,
    region: str | Path | Region | None = None,
    tissue: bool | None = None,
    device: Device = "auto",
    threads: int | None = None,
    tile: int = DEFAULT_TILE,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    each: Callable[[Row, int, int], None] | None = None,
    said: Callable[[str], None] | None = None,
) -> FolderResult:
    """Segment many images and slides, and write their results and a summary.

    What is done already, by the same model and options, is not done again; an interrupted run goes on, also in the
    middle of a slide. A bad image becomes a row with an error, and the others are done.

    Parameters
    ----------
    inputs : path, or sequence of paths
        Images, slides, folders of them, or patterns such as "scans/**/*.png".
    out : path
        Results go to `out/OUTPUT/NAME.suffix` and `out/summary.csv`.
    outputs : sequence of str, optional
        Which results; default: those usual for an image or a slide.
    mpp, model, quality, region, tissue, device, threads, tile
        As of `nuseg.segment`.
    overwrite : bool
        Do again what is done, and replace results of other images.
    progress : function, optional
        Called with a `nuseg.Progress` after each tile.
    each : function, optional
        Called after each image with its row, how many are done, and of how many.
    said : function, optional
        Called at once with each reason why an input gives no image, and with each note on the inputs.

    Returns
    -------
    FolderResult

    Raises
    ------
    NusegError
        No input gives an image, an option is wrong, or the folder cannot be written.
    """
    out = Path(out)
    if outputs is not None:
        check_outputs(outputs)  # a wrong word is said before files are looked at
    if mpp is not None:
        check_mpp(mpp, "mpp=")
    check_folder(out)
    area = region if region is None or isinstance(region, Region) else read_region(str(region))
    missing: list[str] = []
    notes: list[str] = []
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    found = find_images(given, failed=missing.append, slides=True, noted=notes.append)
    for text in (*(f"error: {problem}" for problem in missing), *(f"note: {note}" for note in notes)):
        if said is not None:
            said(text)
    run = FolderRun(plan_jobs(found), out, outputs, SegmentOptions(mpp, area, tissue, tile))
    rows: list[Row] = []
    if not run.jobs:
        return FolderResult(rows, 0, missing, notes, out / summary.FILE)
    earlier = summary.read(out / summary.FILE)
    chosen = choose_model(model, quality)
    if not overwrite:
        run.check_clashes(earlier)
    jobs = list(run.jobs) if overwrite else run.undone(chosen, earlier)
    if jobs:
        segmenter = Segmenter.load(chosen, device, threads)
        work = run.run(segmenter, jobs, earlier, progress)
        try:
            for row in work:
                rows.append(row)
                if each is not None:
                    each(row, len(rows), len(jobs))
        finally:
            work.close()
    return FolderResult(rows, len(run.jobs) - len(jobs), missing, notes, out / summary.FILE)


def identity(image: Path) -> str:
    """Tell an image from all others on this machine: its absolute path."""
    return str(image.resolve())


def error_line(error: Exception, image: Path) -> str:
    """Say in one line what went wrong with an image."""
    text = one_line(error)
    if isinstance(error, NusegError):
        return text
    if isinstance(error, MemoryError):
        return f"{image}: not enough memory: try a smaller tile=, or cut the image"
    return f"{image}: unexpected {type(error).__name__}: {text}"
