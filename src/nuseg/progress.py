"""How far long work is: one protocol for everything that takes time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Progress:
    """A state of work.

    Attributes
    ----------
    task : str
        What is being done, in words: "segment a.png".
    done, total : int
        Steps: tiles, images.
    nuclei : int
        Found so far; 0 where none are looked for.
    """

    task: str
    done: int
    total: int
    nuclei: int = 0


ProgressCallback = Callable[[Progress], None]
"""Is called after each step, from any thread, one call at a time."""


def tracked(items: Sequence[Item] | Iterable[Item], task: str, progress: ProgressCallback | None) -> Iterator[Item]:
    """Give items one by one, and tell `progress` after each."""
    items = list(items)
    for done, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(Progress(task, done, len(items)))


class LogLines:
    """Tells of progress where there is no terminal: a line after every minute of work, and none for what is short.

    Parameters
    ----------
    write : function
        Called with each line.
    every : float
        Seconds between two lines.
    clock : function
        Gives the time (s).
    """

    def __init__(
        self, write: Callable[[str], None], every: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._every, self._clock = write, every, clock
        self._last = clock()

    def __call__(self, state: Progress) -> None:
        now = self._clock()
        if now - self._last < self._every:
            return
        self._last = now
        found = f", {state.nuclei:,} nuclei" if state.nuclei else ""
        self._write(f"{state.task}: {state.done:,} of {state.total:,}{found}")
