"""Processes that do tasks for this one, and those of them that do nothing now."""

import atexit
import os
import pickle
import signal
import subprocess
import sys
from threading import Lock
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

# The search path comes from the process that starts it, not from the folder that it happens to be in.
START = "import sys; sys.path[:] = sys.argv[1:]; from {module} import main; main()"


class Child(Protocol):
    """A process that can be ended."""

    def stop(self) -> None:
        """End it."""


C = TypeVar("C", bound=Child)


def start_child(module: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start `main` of a module in another Python, which is asked and answers by pipes.

    Parameters
    ----------
    module : str
    **options
        Of `subprocess.Popen`.

    Raises
    ------
    OSError
        The system refuses.
    """
    return subprocess.Popen(
        [sys.executable, "-c", START.format(module=module), *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **options,
    )


def begin_child() -> BinaryIO:
    """Begin `main` of such a process: leave Ctrl-C to the process that asks, and give the pipe for answers.

    What native libraries print does not come between them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def ask_pickled(process: "subprocess.Popen[bytes]", message: bytes) -> Any:
    """Send something pickled to a process that answers so, and wait for its answer.

    Raises
    ------
    OSError
        It has ended.
    """
    asked, answers = process.stdin, process.stdout
    assert asked is not None and answers is not None  # noqa: PT018 (pipes were asked for)
    asked.write(message)
    asked.flush()
    try:
        return pickle.load(answers)
    except (EOFError, pickle.UnpicklingError) as error:
        raise ConnectionError("the process has ended") from error


class ChildProcesses(Generic[C]):
    """Processes that do nothing now; they end with this one. Threads may share it."""

    def __init__(self) -> None:
        self.start_anew()
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.start_anew)

    def start_anew(self) -> None:
        """Forget all processes: after a fork they belong to the other."""
        self._lock, self._idle = Lock(), list[C]()

    def take(self) -> C | None:
        """Take a process that does nothing now; None if there is none."""
        with self._lock:
            return self._idle.pop() if self._idle else None

    def take_all(self) -> list[C]:
        """Take all processes that do nothing now."""
        with self._lock:
            idle, self._idle = self._idle, []
        return idle

    def put(self, process: C) -> None:
        """Put a process back that has done its task."""
        with self._lock:
            self._idle.append(process)

    def stop(self) -> None:
        """End all processes that do nothing now."""
        for process in self.take_all():
            process.stop()
