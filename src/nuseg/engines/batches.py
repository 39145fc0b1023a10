"""Windows for the network gathered to batches: what waits for a device, and how many windows it takes at a time."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Protocol

import numpy as np

from nuseg.errors import NusegError
from nuseg.types import RGB, Mask

MOST_WINDOWS = 8
ROOM = 0.8  # share of the free memory that a batch may take


class OutOfMemory(Exception):
    """A device has no memory for a batch."""


@dataclass(frozen=True, eq=False)
class Job:
    """A window, and where its maps go.

    Attributes
    ----------
    window : (h, w, 3) uint8
    bytes_out : bool
        Whether maps are wanted as uint8 of 0..255, else as float32 of 0..1.
    maps : Future
    """

    window: RGB
    bytes_out: bool
    maps: "Future[np.ndarray]" = field(default_factory=Future)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What jobs of one batch have in common."""
        return (*self.window.shape, self.bytes_out)


class Device(Protocol):
    """What runs batches, of windows of one shape.

    Attributes
    ----------
    name : str
        As it is asked for: "cuda:0".
    """

    name: str

    def measure(self) -> tuple[int | None, float]:
        """Free memory (bytes), None = it does not matter; and what a pixel of a batch takes of it (bytes)."""
        ...

    def start(self, windows: Sequence[RGB], bytes_out: bool, precise: bool = False) -> Any:
        """Begin a batch; `precise`: in 32 bits. Gives what `finish` takes.

        Raises
        ------
        OutOfMemory
        """
        ...

    def finish(self, running: Any) -> tuple[np.ndarray, Mask]:
        """Wait for a batch: maps `(n, k, h, w)`, and of which windows they are numbers.

        Raises
        ------
        OutOfMemory
        """
        ...

    def clear(self) -> None:
        """Wait for all that is in work, and give memory back."""
        ...


class Waiting:
    """Jobs that wait for a device; those of one kind leave together."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._changed = Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        """Add a job."""
        with self._changed:
            if self._closed:
                raise NusegError("the engine was closed; load it again")
            self._jobs.append(job)
            self._changed.notify()

    def take(self, most: "Sizes", wait: bool) -> list[Job] | None:
        """Take the oldest job and others of its kind; none where `wait` is False and none waits, None after the end."""
        with self._changed:
            while wait and not self._jobs and not self._closed:
                self._changed.wait()
            if not self._jobs:
                return None if self._closed else []
            kind = self._jobs[0].kind
            size = most.windows(kind[0] * kind[1])
            taken = [job for job in self._jobs if job.kind == kind][:size]
            for job in taken:
                self._jobs.remove(job)
            return taken

    def close(self) -> None:
        """End: what waits is still done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Sizes:
    """How many windows make a batch: by their pixels, as far as memory goes.

    Parameters
    ----------
    launch : int
        Pixels that are worth one batch.
    devices : int
        How many are to be measured before sizes are known; the one with the least memory says how large batches are.
    """

    def __init__(self, launch: int, devices: int) -> None:
        self.launch = launch
        self.lacking: set[str] = set()
        self._most = launch  # pixels
        self._unmeasured, self._changed = devices, Condition()

    def measured(self, name: str, free: int | None, per_pixel: float) -> None:
        """Take into account what a device has, and what a pixel takes of it; see `Device.measure`."""
        if free is not None:
            self.limit(name, int(free * ROOM / max(per_pixel, 1)))
        with self._changed:
            self._unmeasured -= 1
            self._changed.notify_all()

    def limit(self, name: str, pixels: int) -> None:
        """Make no batches of more pixels than a device has memory for."""
        with self._changed:
            self._most = min(self._most, pixels)
        if pixels < self.launch:
            self.lacking.add(name)

    def windows(self, pixels: int) -> int:
        """Windows of so many pixels that make a batch; waits until the devices are measured."""
        with self._changed:
            self._changed.wait_for(lambda: self._unmeasured <= 0)
            return max(1, min(self._most // pixels, MOST_WINDOWS))
