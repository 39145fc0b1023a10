"""Images and slides into one results folder: what is done already, one after the other, and a record of each."""

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from nuseg.engines.threads import available_cores, limited_threads
from nuseg.errors import NusegError
from nuseg.io.file_state import FileState
from nuseg.io.opening import is_slide
from nuseg.io.paths import same_name
from nuseg.io.reader import Kind
from nuseg.model.store import Model
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.records import FolderLost, Record, Records
from nuseg.results.registry import choose_outputs
from nuseg.results.summary import Row, result_row
from nuseg.segmentation.claims import BEAT, Claims
from nuseg.segmentation.jobs import Job
from nuseg.segmentation.plan import SegmentOptions, model_fingerprint
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stop, Stopped
from nuseg.text import one_line, plural, printable

SUMMARY_EVERY = 10.0  # s between two writings of the summary,
SUMMARY_SHARE = 20  # and so many times as long as one takes
IMAGES_AT_ONCE = 2  # the network sees one while the nuclei of the other are separated, measured and written
DEATHS = 2  # processes that an image may take with it before it is left out
LONGEST_TILE = 20.0  # s that a stopped run waits for the network at most
AFTER_TILE = 1.5  # s that it waits for what comes after it

log = logging.getLogger("nuseg")
Say = Callable[[str], None]
Waiting = deque[tuple[Job, Future[Row]]]


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
    overwrite : bool
        Do again what is done, and replace results of other images.
    stop : Stop
        To be called to end `run` as soon as it can be ended: what is done of a slide is kept.
    """

    jobs: Sequence[Job]
    folder: Path
    outputs: Sequence[str] | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    overwrite: bool = False
    stop: Stop = field(default_factory=Stop)

    def settings(self, model: Model) -> str:
        """Identify model, thresholds and options, all that results depend on, by eight hexadecimal digits."""
        options = self.options
        region = options.region and options.region.corners()
        text = f"{model_fingerprint(model.config)} {options.mpp} {region} {options.tissue}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def undone(self, model: Model, records: Mapping[str, Record]) -> list[Job]:
        """Find the images whose results are not there, or not up to date; see `is_done`."""
        settings = self.settings(model)
        return [job for job in self.jobs if not self.is_done(job, settings, records.get(job.name))]

    def is_done(self, job: Job, settings: str, record: Record | None) -> bool:
        """Whether an image was done without an error, with these settings, and every output exists.

        Its file must have the same size and content as then; when it was changed does not matter.
        """
        if record is None or record.row.error or record.state is None:
            return False
        if (record.row.image, record.row.settings) != (identity(job.image), settings):
            return False
        return all(path.exists() for path in self.paths(job, record.kind)) and record.state.holds(job.image)

    def paths(self, job: Job, kind: Kind) -> list[Path]:
        """Where the results of an image or slide go."""
        return [output.path(self.folder, job.name) for output in choose_outputs(self.outputs, kind)]

    def check_clashes(self, records: Mapping[str, Record]) -> None:
        """Refuse to replace results that an earlier run made of other images.

        Raises
        ------
        NusegError
            There is a record of the same name for another image.
        """
        owners = {same_name(name): record.row.image for name, record in records.items() if not record.row.error}
        for job in self.jobs:
            other = owners.get(same_name(job.name))
            if other not in (None, identity(job.image)):
                raise NusegError(
                    f"{self.folder}: holds results of {other} named {job.name}, which {printable(job.image)} would "
                    "replace: choose another output folder, or set overwrite="
                )

    def run(
        self,
        segmenter: Segmenter,
        jobs: Sequence[Job],
        progress: ProgressCallback | None = None,
        said: Say = lambda text: None,
    ) -> Generator[Row]:
        """Segment every image and write its results; a failure is a row with an error, and the rest goes on.

        A record of each is kept at once; the summary of all is written every ten seconds and at the end, also when
        the iteration is broken off. What another process is doing is left to it. Where a process died while it worked
        at an image, that image comes last and alone; where two did, it is left out with an error.

        Parameters
        ----------
        segmenter : Segmenter
            Model and engine.
        jobs : sequence of Job
            Those of the run that are to be done.
        progress : function, optional
            Called after each tile of the image that is being segmented.
        said : function
            Called with what the user should know of earlier and other processes.

        Yields
        ------
        Row
            After each image.

        Raises
        ------
        NusegError
            The folder cannot be written, or vanished.
        """
        records = Records(self.folder)
        records.begin()  # a folder that cannot be written fails now, not after the work
        records.write_summary()
        work = Work(self, guarded(segmenter, self.stop), records, Claims(records), self.settings(segmenter.model))
        work.watch(progress)
        try:
            with limited_threads(segmenter.threads):
                yield from work.do(jobs, min(IMAGES_AT_ONCE, segmenter.threads or available_cores()), said)
        finally:
            work.claims.release_all()
            records.write_summary()


def guarded(segmenter: Segmenter, stop: Stop) -> Segmenter:
    """Make a segmenter for several threads: its engine runs one call at a time, until it is stopped."""
    return replace(segmenter, engine=stop.guard(segmenter.engine))


class Work:
    """The work of one run: images go to threads, rows come back.

    Parameters
    ----------
    run : FolderRun
    segmenter : Segmenter
        For several threads.
    records : Records
        Of the results folder.
    claims : Claims
        In the same folder.
    settings : str
        Identifies what results depend on.
    """

    def __init__(self, run: FolderRun, segmenter: Segmenter, records: Records, claims: Claims, settings: str) -> None:
        self.run, self.segmenter, self.records, self.claims, self.settings = run, segmenter, records, claims, settings
        self.tell = self.look = run.stop.guard(self.check, brief=True)
        self._last_kind: Kind = "image"
        self.waiting: Waiting = deque()
        self._saved, self._took = time.monotonic(), 0.0

    def watch(self, progress: ProgressCallback | None) -> None:
        """Call a function after each tile."""

        def after_tile(state: Progress) -> None:
            self.check(state)
            if progress is not None:
                progress(state)

        self.tell = self.run.stop.guard(after_tile, brief=True)

    def check(self, _state: Progress) -> None:
        """Make sure after each tile, and each part of an output, that the folder is still there."""
        self.records.check()

    def do(self, jobs: Sequence[Job], parallel: int, said: Say) -> Iterator[Row]:
        """Do all jobs, and give their rows: the usual ones, those in work elsewhere, and those that were deadly."""
        deaths = {job: self.claims.deaths(job.name, job.image) for job in jobs}
        if self.run.overwrite:
            deaths = {job: min(count, DEATHS - 1) for job, count in deaths.items()}
        usual = [job for job in jobs if not deaths[job]]
        suspects = [job for job in jobs if 0 < deaths[job] < DEATHS]
        if suspects:
            said(f"note: {died_note(suspects)}")
        pool = ThreadPoolExecutor(parallel)
        try:
            for job in jobs:
                if deaths[job] >= DEATHS:
                    yield self.left_out(job)
            postponed: list[Job] = []
            for job in usual:
                if not self.begin(pool, job):
                    postponed.append(job)
                yield from self.rows(0 if self.slides_only() else parallel)
            yield from self.rows(0)
            elsewhere: list[Job] = []
            for job in [*postponed, *suspects]:
                if not self.begin(pool, job, deaths[job]):
                    elsewhere.append(job)
                yield from self.rows(0)
            if elsewhere:
                said(
                    f"note: {plural(len(elsewhere), 'image')} in work by another process, such as "
                    f"{printable(elsewhere[0].image)}: left to it"
                )
        except Stopped:
            return
        except (Exception, KeyboardInterrupt):
            self.run.stop()
            raise
        finally:
            self.finish(pool)

    def slides_only(self) -> bool:
        """Whether the last image that was begun is a slide: that keeps the machine busy by itself."""
        return bool(self.waiting) and self._last_kind == "slide"

    def begin(self, pool: ThreadPoolExecutor, job: Job, deaths: int = 0) -> bool:
        """Hand an image to a thread; False where another process works at it."""
        if not self.claims.take(job.name, job.image, deaths):
            return False
        if not self.run.overwrite and self.run.is_done(job, self.settings, self.records.get(job.name)):
            self.claims.release(job.name)  # by another process, in the meantime
            return True
        self._last_kind = kind_of(job.image)
        self.waiting.append((job, pool.submit(self.segment_one, job, self._last_kind)))
        return True

    def rows(self, most: int) -> Iterator[Row]:
        """Give rows until at most so many images are in work."""
        while len(self.waiting) > most:
            job, future = self.waiting[0]
            while not wait([future], timeout=BEAT).done:
                self.claims.beat()
            row = future.result()
            self.waiting.popleft()
            self.claims.release(job.name)
            self.claims.beat()
            yield row
            self.save_now_and_then()

    def save_now_and_then(self) -> None:
        """Write the summary if the last time is long ago."""
        if time.monotonic() - self._saved < max(SUMMARY_EVERY, SUMMARY_SHARE * self._took):
            return
        begun = time.monotonic()
        self.records.write_summary()
        self._saved = time.monotonic()
        self._took = self._saved - begun

    def finish(self, pool: ThreadPoolExecutor) -> None:
        """Wait for what is in work; after a stop no longer than the running tile takes, and a moment."""
        if not self.run.stop.asked:
            pool.shutdown()
            return
        pool.shutdown(wait=False, cancel_futures=True)
        self.records.write_summary()  # for the case that the wait is cut short
        self.run.stop.wait(lambda: all(f.done() for _, f in self.waiting), LONGEST_TILE, AFTER_TILE)

    def left_out(self, job: Job) -> Row:
        """Keep that an image is not tried again."""
        row = Row(
            job.name,
            identity(job.image),
            settings=self.settings,
            error=f"{printable(job.image)}: the process died {DEATHS} times while it worked at this image (a damaged "
            "file, or not enough memory): left out; set overwrite= to try it again",
        )
        self.records.keep(Record(row))
        return row

    def segment_one(self, job: Job, kind: Kind) -> Row:
        """Segment one image or slide, write its results and keep a record; a failure becomes a row with an error."""
        begun = time.perf_counter()
        folder, state = self.run.folder, None
        # What is done of a slide stays there until its results are written.
        checkpoint = folder / f"{job.name}.partial" if kind == "slide" else None
        try:
            state = FileState.of(job.image)
            with self.segmenter(
                job.image, options=self.run.options, checkpoint=checkpoint, progress=self.tell
            ) as result:
                self.records.check()
                result.save(folder, self.run.outputs, job.name, self.look)
                kind = result.info.kind
                row = result_row(job.name, identity(job.image), result, self.settings)
            row = replace(row, seconds=time.perf_counter() - begun)
        except (FolderLost, Stopped, KeyboardInterrupt):
            raise
        except BaseException as error:  # one bad image must not end a run of thousands, whatever it raises
            log.debug("%s", job.image, exc_info=True)
            row = Row(job.name, identity(job.image), error=error_line(error, job.image))
        try:
            self.records.keep(Record(row, kind, state))
        except FolderLost:
            raise
        except NusegError as error:  # the disk is full
            row = replace(row, error=row.error or one_line(error))
        return row


def kind_of(image: Path) -> Kind:
    """Say whether a file is a slide; whatever is wrong with it is said when it is segmented."""
    try:
        return "slide" if is_slide(image) else "image"
    except Exception:
        log.debug("%s", image, exc_info=True)
        return "image"


def died_note(suspects: Sequence[Job]) -> str:
    """Say which images an earlier process did not survive."""
    named = ", ".join(printable(job.image) for job in suspects[:3]) + (", ..." if len(suspects) > 3 else "")
    return (
        f"an earlier run ended without a word (killed, out of memory, or a crash) while it worked at "
        f"{plural(len(suspects), 'image')}: tried again after the others: {named}"
    )


def identity(image: Path) -> str:
    """Tell an image from all others on this machine: its absolute path."""
    return printable(image.resolve())


def error_line(error: BaseException, image: Path) -> str:
    """Say in one line what went wrong with an image."""
    shown = printable(image)
    try:
        text = one_line(str(error).replace(str(image), shown))
    except Exception:  # another library's exception may fail also at this
        text = "without a message"
    if isinstance(error, NusegError):
        return text
    if isinstance(error, MemoryError):
        return f"{shown}: not enough memory: try a smaller tile=, or cut the image"
    if isinstance(error, OSError) and error.filename is not None and str(error.filename) == str(image):
        return f"{shown}: cannot be opened ({error.strerror}); check the path and its permissions"
    return f"{shown}: unexpected {type(error).__name__}: {text:.200}"
