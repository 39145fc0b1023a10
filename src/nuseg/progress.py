"""How far long work is: one protocol for everything that takes time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nuseg.text import printable

Item = TypeVar("Item")
EVERY = 60.0  # s between two lines of a task in a log
MANY = 10  # steps: a task of so many has a line when it begins
SOON = 10.0  # s after which also a task of few steps has a line


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


@dataclass
class Shown:
    """A task in a log: when it began, and when it had its last line."""

    begun: float
    line: float | None = None


class LogLines:
    """Tells of progress where there is no terminal: now and then a line.

    Parameters
    ----------
    write : function
        Called with each line.
    each : bool
        Tell of each task that takes a while when it begins, once a minute, and when it is done; else a line a minute
        for all tasks together, where these are told of in another way.
    clock : function
        Gives the time (s).
    """

    def __init__(
        self, write: Callable[[str], None], each: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._each, self._clock = write, each, clock
        self._all = Shown(clock(), clock())
        self._tasks: dict[str, Shown] = {}

    def __call__(self, state: Progress) -> None:
        """Write a line if one is due."""
        now, done = self._clock(), state.done >= state.total
        task = self._tasks.setdefault(state.task, Shown(now)) if self._each else self._all
        if task.line is None:
            due = not done and (state.total >= MANY or now - task.begun >= SOON)
        else:
            due = (done and self._each) or now - task.line >= EVERY
        if due:
            task.line = now
            self._write(f"{described(state)}, {state.done:,} of {state.total:,}")
        if done:
            self._tasks.pop(state.task, None)


def described(state: Progress) -> str:
    """Name a task, with the nuclei found so far."""
    found = f": {state.nuclei:,} nuclei" if state.nuclei else ""
    return f"{printable(state.task)}{found}"
