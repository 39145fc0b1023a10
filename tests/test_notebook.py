"""Progress bars in notebooks: when they are shown, what they say, and that no others are."""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

import nuseg
from nuseg import notebook
from nuseg.notebook import NotebookBars, in_notebook, with_bars
from nuseg.progress import Progress, ProgressCallback


class Place:
    """Keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, content: object) -> None:
        self.shown.append(repr(content))

    update = display


class Clock:
    """A time that tests move on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, place: Place) -> Place:
    """A cell of a notebook, whose output is `place`; work that takes no time is shown, too."""
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    display.DisplayHandle = lambda: place  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(notebook, "WAIT", 0)
    monkeypatch.setattr(notebook, "EVERY", 0)
    return place


def test_bars_appear_after_half_a_second_and_vanish(place: Place) -> None:
    clock = Clock()
    show = NotebookBars(lambda: place, clock)
    show(Progress("a.png", 1, 4))
    assert place.shown == []
    clock.now = 0.6
    show(Progress("a.png", 2, 4, nuclei=1200))
    clock.now = 0.61
    show(Progress("b.png", 1, 2))
    clock.now = 0.8
    show(Progress("b.png", 1, 2))
    clock.now = 1.0
    show(Progress("a.png", 4, 4))
    show.close()
    assert place.shown == [
        "2 of 4  a.png: 1,200 nuclei",
        "2 of 4  a.png: 1,200 nuclei\n1 of 2  b.png",
        "1 of 2  b.png",
        "",
    ]


def test_nothing_of_short_work(place: Place) -> None:
    clock = Clock()
    show = NotebookBars(lambda: place, clock)
    show(Progress("a.png", 1, 2))
    show(Progress("a.png", 2, 2))
    clock.now = 5.0
    show(Progress("a.png", 2, 2))
    show.close()
    assert place.shown == []


def test_html_shows_names_as_they_are() -> None:
    html = notebook.bars([Progress("<b>&.png", 3, 8)])._repr_html_()
    assert '<progress value="3" max="8"></progress> 3 of 8  &lt;b&gt;&amp;.png' in html


@with_bars
def work(steps: int, progress: ProgressCallback | None = None, task: str = "outer") -> int:
    """Do steps, each of which works, too."""
    if progress is not None:
        progress(Progress(task, 1, steps))
    return steps if steps == 1 else work(steps - 1, task="inner")


@pytest.mark.parametrize("call", [lambda: work(2), lambda: work(2, None), lambda: work(steps=2, progress=None)])
def test_whoever_gives_no_progress_sees_the_bars_of_the_outermost(kernel: Place, call: Callable[[], int]) -> None:
    assert call() == 1
    assert kernel.shown == ["1 of 2  outer", ""]


def test_own_progress_goes_before(kernel: Place) -> None:
    told: list[Progress] = []
    work(1, told.append)
    assert told == [Progress("outer", 1, 1)]
    assert kernel.shown == []


def test_bars_go_after_an_error_and_come_again(kernel: Place) -> None:
    @with_bars
    def failing(progress: ProgressCallback | None = None) -> None:
        assert progress is not None
        progress(Progress("work", 1, 2))
        raise nuseg.NusegError("damaged")

    for _ in range(2):
        with pytest.raises(nuseg.NusegError, match="damaged"):
            failing()
    assert kernel.shown == ["1 of 2  work", ""] * 2


def test_no_bars_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={"TerminalIPythonApp": {}}))
    for ipython in (terminal, SimpleNamespace(get_ipython=lambda: None)):
        monkeypatch.setitem(sys.modules, "IPython", ipython)  # type: ignore[arg-type]
        assert not in_notebook()
    assert work(2) == 1


@pytest.mark.parametrize(
    "name", ["segment", "segment_folder", "prepare", "prepare_public", "convert_annotations", "evaluate_dataset",
             "check_dataset"]
)  # fmt: skip
def test_what_takes_long_shows_bars(kernel: Place, name: str) -> None:
    function = getattr(nuseg, name)
    assert function.__wrapped__.__name__ == function.__name__ == name
    with pytest.raises(TypeError, match="missing a required argument"):  # of the signature, which only bars ask for
        function()


def test_a_training_shows_bars(kernel: Place) -> None:
    from nuseg.training.telling import Teller

    with Teller() as tell:
        tell(Progress("epoch 1/5", 2, 9))
    assert kernel.shown == ["2 of 9  epoch 1/5", ""]
