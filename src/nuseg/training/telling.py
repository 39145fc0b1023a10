"""How far a training is: a bar on a terminal or in a notebook, else a line a minute."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from nuseg.notebook import NotebookBars, in_notebook
from nuseg.progress import LogLines, Progress


class Teller:
    """Says on stderr, or below a notebook's cell, how far work is; to be called with every `nuseg.progress.Progress`.

    One bar at a time: that of the task that was told of last. What is printed meanwhile goes above it.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._lines = LogLines(lambda text: self._console.print(text, markup=False), each=False)
        self._cell = NotebookBars() if in_notebook() else None
        self._bar: Bar | None = None
        self._task = ""

    def __call__(self, state: Progress) -> None:
        if self._cell is not None:
            self._cell(state)
            return
        if not self._console.is_terminal:
            self._lines(state)
            return
        if self._bar is None or state.task != self._task:
            self.close()
            self._open(state)
        assert self._bar is not None
        self._bar.update(self._bar.task_ids[0], completed=state.done, total=state.total)

    def _open(self, state: Progress) -> None:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
        # stdout is not redirected: what is printed there may go to a file.
        self._bar = Bar(*columns, TimeRemainingColumn(), console=self._console, transient=True, redirect_stdout=False)
        self._task = state.task
        self._bar.add_task(state.task, total=state.total)
        self._bar.start()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._cell is not None:
            self._cell.close()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
