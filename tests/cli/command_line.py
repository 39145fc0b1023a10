"""The real command line, run inside the tests' own process, which is fast, or as a process of its own."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from nuseg.cli import main

SOURCE = Path(__file__).resolve().parents[2] / "src"
WIDE = {"COLUMNS": "300"}  # usage errors come in a box, whose lines must not be broken


@dataclass(frozen=True)
class Result:
    """Exit code and both streams of one command."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        """What both streams say."""
        return self.out + self.err

    @property
    def errors(self) -> list[str]:
        """The problems that were reported, one a line."""
        return [line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")]


def run_cli(*words: object) -> Result:
    """Run `nuseg WORDS...` with `nuseg.cli.main` in this process; what is not handled there is raised."""
    code: str | int | None = 0
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(mock.patch.object(sys, "argv", ["nuseg", *map(str, words)]))
        stack.enter_context(mock.patch.dict(os.environ, WIDE))
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    assert isinstance(code, int | None)
    return Result(code or 0, out.getvalue(), err.getvalue())


def run_process(*words: object) -> Result:
    """Run `python -m nuseg WORDS...` as a process of its own."""
    command = [sys.executable, "-m", "nuseg", *map(str, words)]
    environment = {**os.environ, **WIDE, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def check_one_error(result: Result, *words: object) -> None:
    """Check that a command failed with one line on stderr, `error: ...`, that holds all words."""
    assert result.code == 1, result
    assert "Traceback" not in result.output
    lines = [line for line in result.err.splitlines() if not line.startswith(("warning: ", "note: "))]
    assert len(lines) == len(result.errors) == 1, result.err
    assert "unexpected" not in lines[0]
    for word in words:
        assert str(word) in lines[0]


def check_usage_error(result: Result, *words: object) -> None:
    """Check that a command was refused for its options, with a message that holds all words."""
    assert result.code == 2, result
    assert "Traceback" not in result.output
    for word in words:
        assert str(word) in result.err
