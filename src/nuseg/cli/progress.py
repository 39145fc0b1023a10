"""Progress of whatever takes time: bars on a terminal, lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuseg.progress import Progress, ProgressCallback
from nuseg.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

EVERY = 60.0  # s between two lines of a task in a log
MANY = 10  # steps: a task of so many has a line when it begins
SOON = 10.0  # s after which also a task of few steps has a line


@contextmanager
def progress_bar(console: "Console | None" = None) -> Iterator[ProgressCallback]:
    """Tell on stderr how far work is: with a bar per task on a terminal, else with lines.

    A bar vanishes when its task is done. In a log each task that takes a while has a line when it begins, one a
    minute, and one when it is done; a short one has none.

    Parameters
    ----------
    console : rich.console.Console, optional
        Of stderr: what is printed on it goes above the bars.

    Yields
    ------
    function
        To be called with every `nuseg.progress.Progress`.
    """
    from rich.console import Console

    where = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if sys.stderr.isatty():
        with bars(where) as show:
            yield show
    else:
        yield Lines(lambda line: where.print(line, markup=False, highlight=False, soft_wrap=True))


@contextmanager
def bars(console: "Console") -> Iterator[ProgressCallback]:
    """Draw a bar per task."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bars(*columns, console=console, transient=True) as drawn:
        tasks: dict[str, TaskID] = {}

        def show(state: Progress) -> None:
            if state.task not in tasks:
                tasks[state.task] = drawn.add_task(state.task)
            drawn.update(
                tasks[state.task],
                description=described(state),
                completed=state.done,
                total=state.total,
                visible=state.done < state.total,
            )

        yield show


@dataclass
class Shown:
    """A task in a log: when it began, and when it had its last line."""

    begun: float
    line: float | None = None


class Lines:
    """Prints now and then how far each task is.

    Parameters
    ----------
    write : function
        Prints a line.
    clock : function
        Seconds.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._tasks: dict[str, Shown] = {}

    def __call__(self, state: Progress) -> None:
        """Print a line if one is due."""
        now, done = self._clock(), state.done >= state.total
        task = self._tasks.setdefault(state.task, Shown(now))
        if task.line is None:
            due = not done and (state.total >= MANY or now - task.begun >= SOON)
        else:
            due = done or now - task.line >= EVERY
        if due:
            task.line = now
            self._write(f"{described(state)}, {state.done:,} of {state.total:,}")
        if done:
            del self._tasks[state.task]


def described(state: Progress) -> str:
    """Name a task, with the nuclei found so far."""
    found = f": {state.nuclei:,} nuclei" if state.nuclei else ""
    return f"{printable(state.task)}{found}"
