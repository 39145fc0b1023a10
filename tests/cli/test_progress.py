"""Progress is a bar on a terminal, and a few lines in a log."""

import io

import pytest
from rich.console import Console

from nuseg.cli.progress import progress_bar
from nuseg.progress import LogLines, Progress


def test_a_bar_where_there_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    console = Console(file=stream, force_terminal=True, width=100)
    with progress_bar(console) as show:
        show(Progress("segment [a].png", 1, 3, nuclei=1200))
        console.print("above")
        show(Progress("other", 1, 2))
    text = stream.getvalue()
    for part in ("above", "segment [a].png: 1,200 nuclei", "1/3", "other"):
        assert part in text


def test_a_line_a_minute_for_all_tasks_together() -> None:
    written: list[str] = []
    seconds = iter([0.0, 0.0, 59.0, 60.0, 61.0, 119.0, 121.0])
    tell = LogLines(written.append, each=False, clock=lambda: next(seconds))
    for done in range(1, 6):
        tell(Progress("a.svs", done, 3000, nuclei=1000 * done))
    assert written == ["a.svs: 2,000 nuclei, 2 of 3,000", "a.svs: 5,000 nuclei, 5 of 3,000"]


def test_nothing_of_short_work_on_a_stream_that_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as show:
        show(Progress("work", 1, 1))
        for done in range(1, 4):
            show(Progress("segment [a].png", done, 3, nuclei=1200))
    assert capsys.readouterr() == ("", "")


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as show:
        for done in range(0, 1001):
            show(Progress("segment [a]\udcff.svs", done, 1000, nuclei=2 * done))
    assert capsys.readouterr() == (
        "", "segment [a]\\xff.svs, 0 of 1,000\nsegment [a]\\xff.svs: 2,000 nuclei, 1,000 of 1,000\n"
    )  # fmt: skip


def lines_of(states: list[tuple[float, Progress]]) -> list[tuple[float, str]]:
    """Which lines states give that come at given seconds, and when."""
    now, lines = [0.0], list[tuple[float, str]]()
    show = LogLines(lambda line: lines.append((now[0], line)), clock=lambda: now[0])
    for second, state in states:
        now[0] = second
        show(state)
    return lines


def test_a_long_task_has_a_line_at_its_start_one_a_minute_and_one_at_its_end() -> None:
    lines = lines_of([(second, Progress("train", second, 600)) for second in range(601)])
    assert [second for second, _ in lines] == list(range(0, 601, 60))
    assert lines[0][1] == "train, 0 of 600"
    assert lines[-1][1] == "train, 600 of 600"


def test_a_task_of_few_slow_steps_has_lines_too() -> None:
    lines = lines_of([(100.0 * step, Progress("tune", step, 4)) for step in range(5)])
    assert [line for _, line in lines] == [f"tune, {step} of 4" for step in (1, 2, 3, 4)]


def test_tasks_at_the_same_time_and_again() -> None:
    """A thousand images of one tile say nothing one by one; all of them together do."""
    states = []
    for number in range(1000):
        states += [(float(number), Progress(f"{number}.png", 1, 1)), (float(number), Progress("images", number, 1000))]
    lines = lines_of(states)
    assert len(lines) == 17
    assert all(line.startswith("images, ") for _, line in lines)
    again = [(second, Progress("epoch", second % 20, 19)) for second in range(40)]
    assert [line for _, line in lines_of(again)] == ["epoch, 0 of 19", "epoch, 19 of 19"] * 2
