"""The progress bar is drawn on a terminal, and there alone."""

import io

import pytest
from rich.console import Console

from nuseg.cli.progress import progress_bar
from nuseg.progress import LogLines, Progress


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_where_there_is_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    console = Console(file=stream, force_terminal=terminal, width=100)
    with progress_bar(console) as show:
        show(Progress("segment [a].png", 1, 3, nuclei=1200))
        console.print("above")
        show(Progress("other", 1, 2))
    text = stream.getvalue()
    assert "above" in text
    assert ("segment [a].png: 1,200 nuclei" in text) is terminal
    assert ("1/3" in text) is terminal
    assert ("other" in text) is terminal


def test_a_line_a_minute_where_there_is_none() -> None:
    written: list[str] = []
    seconds = iter([0.0, 59.0, 60.0, 61.0, 119.0, 121.0])
    tell = LogLines(written.append, clock=lambda: next(seconds))
    for done in range(1, 6):
        tell(Progress("a.svs", done, 3000, nuclei=1000 * done))
    assert written == ["a.svs: 2 of 3,000, 2,000 nuclei", "a.svs: 5 of 3,000, 5,000 nuclei"]


def test_nothing_on_a_stream_that_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as show:
        show(Progress("work", 1, 1))
    assert capsys.readouterr() == ("", "")
