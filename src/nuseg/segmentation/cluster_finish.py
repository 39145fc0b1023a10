"""A slide's end, beside its tiles: one worker joins what they share, and writes outputs, while others do more of them.

Whoever hands the tiles out tells how far they are done, by a number that the scheduler keeps; the worker asks for it.
"""

import pickle
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nuseg.engines.threads import limited_threads
from nuseg.progress import Progress
from nuseg.results.early import EarlyFiles, EarlyOutputs
from nuseg.results.info import ResultInfo
from nuseg.results.records import Record, Records
from nuseg.segmentation.assembly import Assembled, Assembly
from nuseg.segmentation.checkpoint import FolderCheckpoint
from nuseg.segmentation.cluster_tasks import (
    GONE,
    LONGEST_LISTING,
    BegunSlide,
    Order,
    RunEnds,
    named,
    seen,
    worker_threads,
    write,
)
from nuseg.segmentation.jobs import Job
from nuseg.segmentation.one_image import OUTPUTS
from nuseg.segmentation.part_store import TILE
from nuseg.segmentation.pipeline import SourceWork, finish_source, nothing_yet
from nuseg.segmentation.tile_processes import choose_hands
from nuseg.segmentation.tiles import thread_pool

if TYPE_CHECKING:
    from distributed import Client

LOOK = 0.5  # s between two looks how far the tiles are done
ANSWER = 30.0  # s that the scheduler may take


class Reach:
    """How far the tiles of a slide are done, from the first one on; a context manager, known to the scheduler within.

    Parameters
    ----------
    client : distributed.Client

    Attributes
    ----------
    name : str
        By which workers ask.
    """

    def __init__(self, client: "Client") -> None:
        from distributed import Variable

        self.name = f"nuseg-reach-{secrets.token_hex(6)}"
        self._known = Variable(self.name, client)
        self._ends: dict[int, int] = {}  # of ranges that are done, by their starts
        self._stop = 0

    def add(self, done: range) -> None:
        """Add a range of tiles that are done.

        Raises
        ------
        RunEnds
            The scheduler does not answer.
        """
        self._ends[done.start] = done.stop
        before = self._stop
        while self._stop in self._ends:
            self._stop = self._ends.pop(self._stop)
        if self._stop > before:
            self._tell()

    def _tell(self) -> None:
        try:
            self._known.set(self._stop)
        except Exception as error:  # of its connection, or of the client that was closed
            raise RunEnds(GONE) from error

    def __enter__(self) -> "Reach":
        self._tell()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(Exception):  # the cluster may be gone
            self._known.delete()


class Unwanted(Exception):
    """Nobody waits for a task any more."""


def finish_slide(order: Order, job: Job, slide: BegunSlide, reach: str) -> Record:
    """Join the tiles of a slide and write its results, beside other tasks of this worker; waits for tiles to be done.

    What is kept of the tiles stays for whoever gave the order.
    """
    from distributed import secede

    threads = worker_threads(order.model)
    secede()
    work: SourceWork = pickle.loads(slide.work)
    with work.source, limited_threads(threads) as cores:
        found, files = assemble(order, job, slide, work, reached(reach, slide.tiles), cores)
        result = finish_source(work, found, time.time() - slide.begun, files)
        result.info = told(order, job, result.info)
        result.info.settings.update(quality=order.model.quality, device=order.model.device)
        row, kind = write(order, job, result)
    return Record(replace(row, seconds=time.time() - slide.begun), kind, slide.state, result.count_error)


def assemble(
    order: Order, job: Job, slide: BegunSlide, work: SourceWork, reached: Iterator[int], cores: int
) -> tuple[Assembled, EarlyFiles]:
    """Go after tiles as they are done, and write outputs of their nuclei.

    Raises
    ------
    FolderLost
        The folder of the results vanished.
    OSError
        A tile that is done cannot be seen here.
    """
    records = Records(order.wanted.folder)
    parts = FolderCheckpoint(order.wanted.checkpoint(job))

    def look(_state: Progress) -> None:
        records.check()

    # Of a name of its own: a worker that is thought dead may still be writing.
    folder = parts.folder / f"{OUTPUTS}-{secrets.token_hex(6)}"
    early = EarlyOutputs(folder, order.wanted.outputs, job.name, look)
    nothing = nothing_yet(work)
    nothing.info = told(order, job, nothing.info)
    hands = choose_hands(cores, parts, slide.tiles)
    with EarlyFiles(early, nothing) as files, thread_pool(hands.workers) as workers:
        assembly, before = Assembly(work.plan, parts, hands.join, workers, files.add), 0
        for stop in reached:
            records.check()
            for number in range(before, stop):
                if not seen(lambda number=number: parts.has(TILE, number), LONGEST_LISTING):  # type: ignore[misc]
                    raise OSError(f"{parts.path(TILE, number)}: is done, but cannot be seen here")
            assembly.reach(stop)
            before = stop
        return assembly.finish(), files


def told(order: Order, job: Job, info: ResultInfo) -> ResultInfo:
    """What is known of a result, with what is to be said of the model."""
    return named(order, job, replace(info, notes=(*info.notes, *order.model.notes)))


def reached(name: str, tiles: int) -> Iterator[int]:
    """Say how far the tiles of a slide are done, again and again until all are.

    Raises
    ------
    Unwanted
        Nobody waits for the slide any more.
    """
    from distributed import Variable, get_client, get_worker

    worker, known = get_worker(), Variable(name, get_client())
    here = worker.state.tasks[worker.get_current_task()]
    stop = 0
    while stop < tiles:
        if here.state == "cancelled" or worker.state.tasks.get(here.key) is not here:
            raise Unwanted
        with suppress(TimeoutError):  # nobody tells any more, which the worker will soon know
            stop = known.get(timeout=ANSWER)
        yield stop
        time.sleep(0 if stop == tiles else LOOK)
