"""A process that goes through doors with files, and may die, hang or take too much memory on the way."""

import faulthandler
import multiprocessing
import os
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

MEBI = 2**20
LOOK_EVERY = 0.05  # s
Door = Callable[[Path], object]
"""What a user does with a file; a function of a module, as another process has to find it."""


@dataclass(frozen=True)
class Limits:
    """What a file may take.

    Attributes
    ----------
    seconds : float
        Of processor time; a machine that is busy with other things does not count.
    waiting : float
        Seconds by the clock, for what waits and computes nothing.
    memory : int
        MiB beside what the process had before.
    """

    seconds: float = 10.0
    waiting: float = 60.0
    memory: int = 500


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    kind : str
        "read", "refused" (a NusegError), "raised" (any other exception), "died", "hung" or "memory".
    message : str
        Of the exception; what the process said when it died.
    where : str
        The end of the traceback.
    memory : int
        MiB that were taken at most, beside those before.
    """

    kind: str
    message: str = ""
    where: str = ""
    memory: int = 0


class Worker:
    """Runs doors in another process, which is started anew where it ended; a context manager."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self._process: BaseProcess | None = None
        self._known: set[str] = set()
        opened, log = tempfile.mkstemp(prefix="fuzz-", suffix=".log")
        os.close(opened)
        self._log = Path(log)

    def run(self, door: Door, path: Path, place: Path, limits: Limits | None = None) -> Outcome:
        """Go through a door with a file; the process is in the folder `place` meanwhile."""
        limits = limits or self.limits
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._process is not None
        self._log.write_bytes(b"")
        self._pipe.send((door, path, place))
        begun = time.monotonic()
        watched = psutil.Process(self._process.pid)
        memory_before, seconds_before = usage(watched)
        peak = 0
        while True:
            with suppress(EOFError, OSError):
                if self._pipe.poll(LOOK_EVERY):
                    outcome: Outcome = self._pipe.recv()
                    peak = max(peak, outcome.memory)
                    return replace(outcome, kind="memory" if peak > limits.memory else outcome.kind, memory=peak)
            if not self._process.is_alive():
                self._process.join()
                return Outcome("died", f"exit code {self._process.exitcode}", self._said(), peak)
            memory, seconds = usage(watched)
            peak = max(peak, memory - memory_before)
            if peak > limits.memory:
                return self._stop(Outcome("memory", memory=peak))
            if seconds - seconds_before > limits.seconds or time.monotonic() - begun > limits.waiting:
                return self._stop(Outcome("hung", memory=peak))

    def knows(self, what: str) -> bool:
        """Whether something was done since the process began; now it counts as done."""
        if self._process is None or not self._process.is_alive():
            self._start()
        known = what in self._known
        self._known.add(what)
        return known

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # on every system, and nothing of ours in it
        self._pipe, other = context.Pipe()
        self._known.clear()
        self._process = context.Process(target=serve, args=(other, self._log), daemon=False)
        self._process.start()
        other.close()
        self._pipe.recv()  # it is ready

    def _said(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return " / ".join(lines[:12])

    def _stop(self, outcome: Outcome) -> Outcome:
        assert self._process is not None
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._process.pid)
            for each in [*started.children(recursive=True), started]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        self._process.join()
        return replace(outcome, where=self._said())

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._stop(Outcome("read"))
        self._log.unlink(missing_ok=True)


def usage(process: psutil.Process) -> tuple[int, float]:
    """Memory (MiB) and processor time (s) of a process and all that it started; what they share counts once."""
    memory, seconds = 0, 0.0
    with suppress(psutil.Error):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                times = each.cpu_times()
                memory += each.memory_info().rss if each == process else each.memory_full_info().uss
                seconds += times.user + times.system
    return memory // MEBI, seconds


def serve(pipe: Connection, log: Path) -> None:
    """Go through doors until the other end of the pipe is closed."""
    with log.open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        faulthandler.enable(2)
        pipe.send(True)
        while True:
            try:
                door, path, place = pipe.recv()
            except (EOFError, KeyboardInterrupt):
                return
            os.chdir(place)
            before = reset_peak()
            outcome = go_through(door, path)
            os.chdir(log.parent)
            pipe.send(replace(outcome, memory=peak_memory() - before))


def go_through(door: Door, path: Path) -> Outcome:
    """Go through a door, and say what came of it."""
    from nuseg.errors import NusegError

    try:
        door(path)
    except NusegError as error:
        return Outcome("refused", str(error))
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        return Outcome("raised", f"{type(error).__name__}: {str(error)[:300]}", where)
    return Outcome("read")


def reset_peak() -> int:
    """Forget the most memory that this process took, where the system can; what it takes now, MiB."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return psutil.Process().memory_info().rss // MEBI


def peak_memory() -> int:
    """The most memory (MiB) since `reset_peak`; on systems that cannot say it, what is taken now."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return psutil.Process().memory_info().rss // MEBI
