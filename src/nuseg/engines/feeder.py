"""An engine that keeps one or several devices busy: a thread for each takes what waits, batch by batch.

While a device computes one batch, the next one is prepared and sent.

So that the same window always gives the same maps, every batch of windows of one shape has the same number of them:
one that is not full is filled up. Libraries of GPUs choose their methods by the shape of a batch, and methods differ in
the last digit.
"""

import weakref
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import numpy as np

from nuseg.engines.batches import Device, Job, OutOfMemory, Sizes, Waiting
from nuseg.engines.devices import kind_of
from nuseg.errors import NusegError
from nuseg.types import RGB

LAUNCH_PIXELS = 8_000_000  # of a batch: more is hardly faster by the pixel
ON_THE_WAY = 2  # batches of a device: one computes, one is prepared
LONGEST_END = 5.0  # s


class BatchFeeder:
    """An engine of one or several devices; see `nuseg.engines.engine.Feeder`. Threads may share it.

    Parameters
    ----------
    devices : sequence of Device
        All with the same network.
    launch : int
        Pixels that are worth one batch.
    """

    def __init__(self, devices: Sequence[Device], launch: int = LAUNCH_PIXELS) -> None:
        self._waiting, self._sizes = Waiting(), Sizes(launch, len(devices))
        self._workers = [Worker(device, self._waiting, self._sizes) for device in devices]
        threads = [Thread(target=worker.run, name=f"nuseg {worker.device.name}") for worker in self._workers]
        for thread in threads:
            thread.daemon = True
            thread.start()
        self._end = weakref.finalize(self, end_threads, self._waiting, threads)

    def close(self) -> None:
        """End the threads, and with them what the devices hold."""
        self._end()

    @property
    def arithmetic(self) -> str:
        """How it computes; see `nuseg.engines.engine.arithmetic_of`."""
        return kind_of(self._workers[0].device.name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what it did."""
        return tuple(note for worker in self._workers for note in worker.notes)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Run the network over windows of one shape; see `nuseg.engines.engine.Engine`."""
        jobs = [self._submit(Job(window, bytes_out=False)) for window in batch]
        return np.stack([maps.result() for maps in jobs])

    def submit(self, window: RGB) -> "Future[np.ndarray]":
        """Begin a window; see `nuseg.engines.engine.Feeder`."""
        return self._submit(Job(window, bytes_out=True))

    def in_flight(self, pixels: int) -> int:
        """Windows to give before the first one is waited for; see `nuseg.engines.engine.Feeder`."""
        return ON_THE_WAY * len(self._workers) * self._sizes.windows(pixels)

    def _submit(self, job: Job) -> "Future[np.ndarray]":
        self._waiting.put(job)
        return job.maps


def end_threads(waiting: Waiting, threads: Sequence[Thread]) -> None:
    """End threads when they have done what waits."""
    waiting.close()
    for thread in threads:
        thread.join(LONGEST_END)


@dataclass(eq=False)
class Worker:
    """What runs on a device what waits, in a thread of its own; it does not know the engine, which may go."""

    device: Device
    waiting: Waiting
    sizes: Sizes
    running: deque[tuple[list[Job], int, Any]] = field(default_factory=deque)  # jobs, windows, what the device gave
    too_large: bool = False

    def run(self) -> None:
        """Do what waits, until the end."""
        try:
            self.sizes.measured(self.device.name, *self.device.measure())
        except Exception:  # the first batch says why
            self.sizes.measured(self.device.name, None, 0.0)
        while True:
            jobs = self.waiting.take(self.sizes, wait=not self.running)
            if jobs is None and not self.running:
                return
            if jobs:
                self.begin(jobs)
            if self.running and (not jobs or len(self.running) >= ON_THE_WAY):
                self.end()

    @property
    def notes(self) -> list[str]:
        """What the user should know of this device."""
        name, notes = self.device.name, []
        if name in self.sizes.lacking:
            notes.append(
                f"{name}: less free memory than batches take, so fewer windows were computed at a time: slower, and "
                "single pixels may differ from a run with more; free its memory"
            )
        if self.too_large:
            notes.append(
                f"{name}: numbers of this network are too large for 16 bits; where that happened it computed in 32"
            )
        return notes

    def begin(self, jobs: list[Job]) -> None:
        """Begin a batch, filled up to its size; where memory lacks, do it in smaller ones."""
        height, width = jobs[0].window.shape[:2]
        missing = self.sizes.windows(height * width) - len(jobs)
        windows = [job.window for job in jobs] + [jobs[-1].window] * missing
        try:
            self.running.append((jobs, len(windows), self.device.start(windows, jobs[0].bytes_out)))
        except OutOfMemory:
            while self.running:
                self.end()
            self.shrink(jobs, len(windows))
        except BaseException as error:
            fail(jobs, error)

    def end(self) -> None:
        """Wait for the oldest batch and hand its maps out."""
        jobs, size, handle = self.running.popleft()
        try:
            maps, good = self.device.finish(handle)
            for number, job in enumerate(jobs):
                job.maps.set_result(maps[number] if good[number] else self.in_32_bits(job))
        except OutOfMemory:
            self.shrink([job for job in jobs if not job.maps.done()], size)
        except BaseException as error:
            fail(jobs, error)

    def in_32_bits(self, job: Job) -> np.ndarray:
        """Compute a window once more, whose numbers 16 bits could not hold."""
        self.too_large = True
        maps, _good = self.device.finish(self.device.start([job.window], job.bytes_out, precise=True))
        alone: np.ndarray = maps[0]
        return alone

    def shrink(self, jobs: list[Job], size: int) -> None:
        """Do a batch of so many windows for which memory lacked in smaller ones, as all that come after it."""
        self.device.clear()
        height, width = jobs[0].window.shape[:2]
        if size == 1:
            name = self.device.name
            error = f"device='{name}': not enough memory for a window of {width} x {height} px; take a smaller tile="
            fail(jobs, NusegError(f"{error}, or device='cpu'"))
            return
        self.sizes.limit(self.device.name, size // 2 * height * width)
        while jobs:
            size = self.sizes.windows(height * width)  # may have become less
            self.begin(jobs[:size])
            jobs = jobs[size:]
            while self.running:
                self.end()


def fail(jobs: list[Job], error: BaseException) -> None:
    """Say to those who wait for windows why there are no maps."""
    for job in jobs:
        if not job.maps.done():
            job.maps.set_exception(error)
