"""Progress of whatever takes time: bars on a terminal, lines in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nuseg.progress import LogLines, Progress, ProgressCallback, described

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


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
        yield LogLines(lambda line: where.print(line, markup=False, highlight=False, soft_wrap=True))


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
