"""A progress bar for whatever takes time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nuseg.progress import LogLines, Progress, ProgressCallback

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


@contextmanager
def progress_bar(console: "Console | None" = None) -> Iterator[ProgressCallback]:
    """Draw a bar per task on stderr where that is a terminal; else write a line for every minute that passes.

    A bar vanishes when its task is done.

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
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    where = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if not sys.stderr.isatty():
        yield LogLines(lambda text: where.print(text, markup=False))
        return
    with Bars(*columns, console=where, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(state: Progress) -> None:
            if state.task not in tasks:
                tasks[state.task] = bars.add_task(state.task)
            found = f": {state.nuclei:,} nuclei" if state.nuclei else ""
            bars.update(
                tasks[state.task],
                description=f"{state.task}{found}",
                completed=state.done,
                total=state.total,
                visible=state.done < state.total,
            )

        yield show
