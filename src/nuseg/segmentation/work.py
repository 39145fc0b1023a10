"""The work of a folder run: images go to threads, rows come back, and whatever happens is kept."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.io.opening import is_slide
from nuseg.io.reader import Kind
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.records import FolderLost, Record, Records
from nuseg.results.summary import Row
from nuseg.segmentation.claims import BEAT, Claims, until_dead
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.one_image import Way
from nuseg.segmentation.stopping import Stopped
from nuseg.text import one_line, plural, printable

if TYPE_CHECKING:
    from nuseg.segmentation.folder_run import FolderRun

SUMMARY_EVERY = 10.0  # s between two writings of the summary,
SUMMARY_SHARE = 20  # and so many times as long as one takes
DEATHS = 2  # processes that an image may take with it before it is left out
LONGEST_TILE = 8.0  # s that a stopped run waits for the network at most: containers are killed after ten
AFTER_TILE = 1.5  # s that it waits for what comes after it
LOOK = 0.5  # s between two looks for signs of life

log = logging.getLogger("nuseg")
Say = Callable[[str], None]
Waiting = deque[tuple[Job, Future[Row]]]


class NotKept(NusegError):
    """There was no room for the record of an image."""


class Work:
    """The work of one run: images go to threads, rows come back.

    Parameters
    ----------
    run : FolderRun
        What is to be done, and how.
    way : Way
        Does an image; threads call it.
    records : Records
        Of the results folder.
    """

    def __init__(self, run: "FolderRun", way: Way, records: Records) -> None:
        self.run, self.way, self.records, self.claims = run, way, records, Claims(records)
        self.settings = way.wanted.settings
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

    def do(self, jobs: Sequence[Job], said: Say) -> Iterator[Row]:
        """Do all jobs, and give their rows: the usual ones, those in work elsewhere, and those that were deadly."""
        parallel = self.way.at_once
        deaths = {job: self.deaths(job) for job in jobs}
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
            yield from self.after_silence(pool, elsewhere, said)
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

    def after_silence(self, pool: ThreadPoolExecutor, elsewhere: list[Job], said: Say) -> Iterator[Row]:
        """Wait for signs of life of processes on other machines, and do the images of those that give none.

        What is done is taken from `elsewhere`. A container that was killed, or a machine that is gone, leaves nothing
        but its silence.
        """
        signs = {job: sign for job in elsewhere if (sign := self.claims.last_sign(job.name)) is not None}
        if signs:
            longest = max(map(until_dead, signs.values()))
            said(
                f"note: {plural(len(signs), 'image')} in work by a process of another machine or container, such as "
                f"{printable(next(iter(signs)).image)}: without a sign of life within {longest:.0f} s it "
                "counts as dead, and they are done here"
            )
        while signs and not self.run.stop.asked:
            time.sleep(LOOK)
            for job, before in list(signs.items()):
                now = self.claims.last_sign(job.name)
                if now == before:
                    continue
                del signs[job]
                deaths = self.deaths(job)
                if deaths >= DEATHS:
                    elsewhere.remove(job)
                    yield self.left_out(job)
                elif now is None and self.begin(pool, job, deaths):
                    elsewhere.remove(job)
                    yield from self.rows(0)

    def deaths(self, job: Job) -> int:
        """How many processes an image took with it; `DEATHS` of them where it is to be left out."""
        count = 0 if self.way.elsewhere else self.claims.deaths(job.name, job.image)
        return min(count, DEATHS - 1) if self.run.overwrite else count

    def slides_only(self) -> bool:
        """Whether the last image that was begun is a slide: that keeps this machine busy by itself."""
        return bool(self.waiting) and self._last_kind == "slide" and not self.way.elsewhere

    def begin(self, pool: ThreadPoolExecutor, job: Job, deaths: int = 0) -> bool:
        """Hand an image to a thread; False where another process works at it."""
        if not self.claims.take(job.name, job.image, deaths):
            return False
        if not self.run.overwrite and self.run.is_done(job, self.settings, self.records.get(job.name)):
            self.claims.release(job.name)  # by another process, in the meantime
            return True
        self._last_kind = kind_of(job.image)
        self.waiting.append((job, pool.submit(self.do_one, job, self._last_kind)))
        return True

    def rows(self, most: int) -> Iterator[Row]:
        """Give rows until at most so many images are in work."""
        while len(self.waiting) > most:
            while not (done := self.ended()):
                self.claims.beat()
            job, future = done
            row = future.result()
            self.waiting.remove(done)
            self.claims.release(job.name)
            self.claims.beat()
            yield row
            self.save_now_and_then()

    def ended(self) -> tuple[Job, Future[Row]] | None:
        """Wait for the image that was begun first, or where others do them for any; None if it takes long."""
        eligible = list(self.waiting) if self.way.elsewhere else [self.waiting[0]]
        wait([future for _, future in eligible], timeout=BEAT, return_when=FIRST_COMPLETED)
        return next((each for each in eligible if each[1].done()), None)

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

    def do_one(self, job: Job, kind: Kind) -> Row:
        """Do one image or slide and keep a record."""
        try:
            return self.way(job, kind, self.tell, self.look, self.keep)
        except NotKept as error:
            return Row(job.name, identity(job.image), error=one_line(error))

    def keep(self, record: Record) -> Row:
        """Keep a record, and give its row.

        Raises
        ------
        NotKept
            The disk is full.
        """
        if self.run.clinical is not None:
            record = replace(record, row=self.run.clinical.labelled(record.row))
        try:
            self.records.keep(record)
        except FolderLost:
            raise
        except NusegError as error:
            raise NotKept(one_line(error)) from error
        return record.row


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
