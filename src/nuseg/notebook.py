"""Progress bars in notebooks: whoever gives no `progress` there sees one all the same."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from html import escape
from inspect import signature
from threading import Lock
from typing import ParamSpec, Protocol, TypeVar

from nuseg.progress import Progress, described

WAIT = 0.5  # s: what takes less is not shown
EVERY = 0.1  # s between two pictures of the bars
SHOWN = Lock()  # held by the function that shows bars
Given = ParamSpec("Given")
Made = TypeVar("Made")


class Display(Protocol):
    """A place below a cell, whose content can be replaced; IPython's `DisplayHandle` is one."""

    def display(self, content: object) -> object: ...

    def update(self, content: object) -> object: ...


class Html:
    """HTML that a notebook shows, and the same as text for what shows no HTML."""

    def __init__(self, html: str, text: str) -> None:
        self.html, self.text = html, text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def in_notebook() -> bool:
    """Whether this is a cell of a notebook: a kernel of IPython, not a terminal. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def new_display() -> Display:
    """Make a place below the running cell."""
    from IPython.display import DisplayHandle

    handle: Display = DisplayHandle()
    return handle


class NotebookBars:
    """Shows below a cell how far work is: a bar for each task that runs, none once all is done.

    To be called with every `nuseg.progress.Progress`.

    Parameters
    ----------
    make : function
        Makes the place to show them in; it is called only if something takes longer than half a second.
    clock : function
        Gives the time (s).
    """

    def __init__(self, make: Callable[[], Display] = new_display, clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._begun, self._drawn = clock(), float("-inf")
        self._running: dict[str, Progress] = {}
        self._place: Display | None = None

    def __call__(self, state: Progress) -> None:
        """Take note of a state, and draw the bars anew if it is time."""
        if state.done >= state.total:
            self._running.pop(state.task, None)
        else:
            self._running[state.task] = state
        now = self._clock()
        if now - self._begun >= WAIT and now - self._drawn >= EVERY and (self._running or self._place):
            self._drawn = now
            self._show()

    def close(self) -> None:
        """Take the bars away."""
        self._running.clear()
        if self._place is not None:
            self._show()

    def _show(self) -> None:
        content = bars(list(self._running.values()))
        if self._place is None:
            self._place = self._make()
            self._place.display(content)
        else:
            self._place.update(content)


def bars(states: list[Progress]) -> Html:
    """Draw a bar for each state."""
    lines = [f"{state.done:,} of {state.total:,}  {described(state)}" for state in states]
    drawn = [
        f'<div><progress value="{state.done}" max="{state.total}"></progress> {escape(line)}</div>'
        for state, line in zip(states, lines, strict=True)
    ]
    return Html("".join(drawn), "\n".join(lines))


def with_bars(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Give a function whose parameter `progress` is None bars for it, where it is called in a notebook.

    Of functions that call one another, the outermost shows them.
    """
    parameters = signature(function)
    untyped: Callable[..., Made] = function

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        if not in_notebook():
            return function(*args, **kwargs)
        bound = parameters.bind(*args, **kwargs)
        if bound.arguments.get("progress") is not None or not SHOWN.acquire(blocking=False):
            return function(*args, **kwargs)
        shown = NotebookBars()
        bound.arguments["progress"] = shown
        try:
            return untyped(*bound.args, **bound.kwargs)
        finally:
            SHOWN.release()
            shown.close()

    return call
