"""The work of a folder run: images go to threads, rows come back, and whatever happens is kept."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.io.file_state import FileState
from nuseg.io.opening import is_slide
from nuseg.io.reader import Kind
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.annotated import keep_annotations
from nuseg.results.facts import facts_of, keep_facts, pictures_of
from nuseg.results.records import FolderLost, Record, Records
from nuseg.results.summary import Row, result_row
from nuseg.segmentation.claims import BEAT, Claims
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stopped
from nuseg.text import one_line, plural, printable

if TYPE_CHECKING:
    from nuseg.segmentation.folder_run import FolderRun

SUMMARY_EVERY = 10.0  # s between two writings of the summary,
SUMMARY_SHARE = 20  # and so many times as long as one takes
DEATHS = 2  # processes that an image may take with it before it is left out
LONGEST_TILE = 8.0  # s that a stopped run waits for the network at most: containers are killed after ten
AFTER_TILE = 1.5  # s that it waits for what comes after it

log = logging.getLogger("nuseg")
Say = Callable[[str], None]
Waiting = deque[tuple[Job, Future[Row]]]


class Work:
    """The work of one run: images go to threads, rows come back.

    Parameters
    ----------
    run : FolderRun
        What is to be done, and how.
    segmenter : Segmenter
        For several threads.
    records : Records
        Of the results folder.
    claims : Claims
        In the same folder.
    settings : str
        Identifies what results depend on.
    """

    def __init__(self, run: "FolderRun", segmenter: Segmenter, records: Records, claims: Claims, settings: str) -> None:
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
        except GeneratorExit:
            raise
        except BaseException:  # also what the program around makes of Ctrl-C and SIGTERM
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
                self.records.check()
                keep_annotations(self.records.marker, job.name, result.annotation_rows)
                pictures = pictures_of(result) if self.run.report else {}
                keep_facts(self.records.marker, job.name, facts_of(result), pictures)
            row = replace(row, seconds=time.perf_counter() - begun)
        except (FolderLost, Stopped, KeyboardInterrupt):
            raise
        except BaseException as error:  # one bad image must not end a run of thousands, whatever it raises
            log.debug("%s", job.image, exc_info=True)
            row = Row(job.name, identity(job.image), error=error_line(error, job.image))
        if self.run.clinical is not None:
            row = self.run.clinical.labelled(row)
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
