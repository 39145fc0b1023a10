"""Nuclei of the part that is looked at, where there are no results: found in the background, one part at a time."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.progress import Progress
from nuseg.results.batch import NucleiBatch
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import Region
from nuseg.segmentation.segmenter import Segmenter
from nuseg.text import in_short
from nuseg.viewer.items import ON_DEMAND, Item
from nuseg.viewer.nuclei import REACH
from nuseg.viewer.reading import from_batches
from nuseg.viewer.region_stats import is_number
from nuseg.viewer.security import Refused
from nuseg.viewer.shelf import Shelf

MOST_PIXELS = 4096 * 4096  # of level 0: some seconds on a laptop
LEAST_SIDE = 16  # px
MOST_WAITING = 8
MOST_REMEMBERED = 200  # jobs
Box = tuple[int, int, int, int]  # left, top, right, bottom in px of level 0


class Stopped(BaseException):
    """The viewer ends."""


@dataclass
class Job:
    """A part of an image to look for nuclei in."""

    id: str
    item: Item
    box: Box
    state: str = "waiting"
    done: float = 0.0
    message: str = ""
    version: str = ""

    def told(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "state": self.state,
            "done": self.done,
            "message": self.message,
            "layer": ON_DEMAND,
            "version": self.version,
        }


class OnDemand:
    """Segments parts of images, one at a time, in a thread that begins with the first of them."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._jobs: dict[str, Job] = {}
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._segmenter: tuple[str | Path | None, Segmenter] | None = None
        self._found: dict[str, NucleiBatch] = {}
        self._stopped = False

    def ask(self, item: Item, body: dict[str, Any]) -> Job:
        """Ask for the nuclei of a part.

        Raises
        ------
        Refused
            It is no part of the image, is too large, or too many wait.
        """
        box = read_box(item, body)
        if item.image is None:
            raise Refused(400, f"{item.name}: the image was not found, so no nuclei can be looked for")
        with self._lock:
            if sum(job.state in ("waiting", "running") for job in self._jobs.values()) >= MOST_WAITING:
                raise Refused(429, f"{MOST_WAITING} parts are waiting already; wait until one is done")
            job = Job(secrets.token_hex(8), item, box)
            self._jobs[job.id] = job
            for old in [one for one in self._jobs if self._jobs[one].state in ("done", "failed")][:-MOST_REMEMBERED]:
                del self._jobs[old]
            if self._thread is None:
                self._thread = Thread(target=self._work, name="nuseg on demand")
                self._thread.start()
        self._queue.put(job)
        return job

    def job(self, job_id: str) -> Job:
        """Find a job.

        Raises
        ------
        Refused
            There is none of this id.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise Refused(404, "no such job")
        return job

    def stop(self) -> None:
        """Begin nothing more; what runs ends with its next tile."""
        self._stopped = True
        self._queue.put(None)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None and not self._stopped:
            try:
                job.state = "running"
                job.version = self._segment(job)
                job.state, job.done = "done", 1.0
            except Stopped:
                return
            except NusegError as error:
                job.state, job.message = "failed", in_short(error, 1000)
            except Exception as error:  # one part must not end the others
                job.state, job.message = "failed", f"unexpected {type(error).__name__}: {in_short(error)}"

    def _segment(self, job: Job) -> str:
        """Find the nuclei of a part, and put them in place of those that were found there before."""

        def progress(state: Progress) -> None:
            if self._stopped:
                raise Stopped
            job.done = state.done / max(state.total, 1) * 0.95

        job.message = "loading the model"
        segmenter = self._loaded()
        job.message = "looking for nuclei"
        left, top, right, bottom = job.box
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
        options = SegmentOptions(mpp=job.item.mpp, region=Region(((corners,),)), tissue=False)
        with segmenter(str(job.item.image), options=options, progress=progress) as found:
            batch = NucleiBatch.together(list(found.batches()))
            notes = "; ".join(found.notes)
        whole = replaced(self._found.get(job.item.id), batch, job.box)
        self._found[job.item.id] = whole
        version = secrets.token_hex(4)
        name = f"on demand: {segmenter.model.config.name}"
        self.shelf.put_on_demand(job.item.id, name, lambda: from_batches(job.item.name, [whole], version))
        job.message = notes
        return version

    def _loaded(self) -> Segmenter:
        wanted = self.shelf.model
        if self._segmenter is None or self._segmenter[0] != wanted:
            self._segmenter = wanted, Segmenter.load(wanted)
            self._found.clear()  # nuclei of two models do not belong together
        return self._segmenter[1]


def read_box(item: Item, body: dict[str, Any]) -> Box:
    """Read which part of an image a request names, cut to the image.

    Raises
    ------
    Refused
        It is none, or too large.
    """
    values = [body.get(key) for key in ("x", "y", "width", "height")]
    numbers = [int(value) for value in values if is_number(value) and abs(value) < REACH]
    if len(numbers) != len(values):
        raise Refused(400, "expected x, y, width and height in px")
    x, y, width, height = numbers
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, item.width), min(y + height, item.height)
    if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
        raise Refused(400, f"expected a part of the image of at least {LEAST_SIDE} x {LEAST_SIDE} px")
    if (right - left) * (bottom - top) > MOST_PIXELS:
        raise Refused(
            400,
            f"{right - left:,} x {bottom - top:,} px are too many at once, at most {MOST_PIXELS / 1e6:.0f} megapixels: "
            "zoom in, or segment all of it by nuseg segment",
        )
    return left, top, right, bottom


def replaced(before: NucleiBatch | None, found: NucleiBatch, box: Box) -> NucleiBatch:
    """Put the nuclei that were found in a part in place of those whose middle lies there, and number all anew."""
    if before is None:
        whole = found
    else:
        (left, top, right, bottom), table = box, before.table
        outside = ~(table["x_px"].between(left, right, "left") & table["y_px"].between(top, bottom, "left"))
        kept = [polygon for polygon, stays in zip(before.polygons, outside, strict=True) if stays]
        whole = NucleiBatch.together([NucleiBatch(table[outside].reset_index(drop=True), kept), found])
    numbers = np.arange(1, len(whole) + 1)
    return NucleiBatch(pd.DataFrame(whole.table).assign(id=numbers), whole.polygons)
