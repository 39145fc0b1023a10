"""OpenSlide in processes of its own: native libraries end the process that they run in where a slide is damaged."""

import atexit
import itertools
import json
import os
import signal
import subprocess
import sys
from threading import BoundedSemaphore, Lock
from typing import Any

from nuseg.errors import NusegError
from nuseg.text import in_short

AT_ONCE = 4  # processes, at most; each decodes with one core
# The search path comes from the process that starts it, not from the folder that it happens to be in.
START = "import sys; sys.path[:] = sys.argv[1:]; from nuseg.io.slide_child import main; main()"
numbers = itertools.count()  # each opened slide has one


class SlideProcess:
    """One process; does one task at a time."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise NusegError(f"a process for OpenSlide cannot be started ({in_short(error)})") from error

    def do(self, *task: Any) -> tuple[dict[str, Any], bytes]:
        """Do a task of `nuseg.io.slide_child`.

        Raises
        ------
        NusegError
            OpenSlide's words, or how it ended.
        ConnectionError
            The process has ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None and answers is not None  # noqa: PT018 (pipes were asked for)
        try:
            asked.write(json.dumps(task).encode() + b"\n")
            asked.flush()
        except OSError as error:
            raise ConnectionError(self.ending()) from error
        line = answers.readline()
        facts = json.loads(line) if line.endswith(b"\n") else {"bytes": -1}
        content = answers.read(facts["bytes"]) if facts["bytes"] > 0 else b""
        if len(content) != facts["bytes"]:
            raise ConnectionError(self.ending())
        return facts, content

    def ending(self) -> str:
        """Say how the process ended."""
        code = self._process.wait()
        if code == -getattr(signal, "SIGPROF", 0):
            return "OpenSlide took too long"
        return f"OpenSlide broke down ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


class SlideProcesses:
    """The processes of this one, started as they are needed. Threads may share it."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all processes: after a fork they belong to the other."""
        self._lock, self._idle = Lock(), list[SlideProcess]()
        self._free = BoundedSemaphore(max(1, min(AT_ONCE, os.cpu_count() or 1)))

    def do(self, *task: Any) -> tuple[dict[str, Any], bytes]:
        """Do a task of `nuseg.io.slide_child` in one of the processes.

        Raises
        ------
        NusegError
            OpenSlide's words, or how it ended.
        """
        with self._free:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            process = process or SlideProcess()
            try:
                facts, content = process.do(*task)
            except (ConnectionError, ValueError) as error:
                process.stop()
                raise NusegError(in_short(error)) from error
            except BaseException:  # the answer is still to come: nobody else may get it
                process.stop()
                raise
            with self._lock:
                self._idle.append(process)
        if "error" in facts:
            raise NusegError(in_short(facts["error"]))
        return facts, content

    def forget(self, number: int) -> None:
        """Close a slide in all processes that do nothing now; the others close it when they have opened some more."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            try:
                process.do("forget", number)
            except (OSError, ValueError):
                process.stop()
            else:
                with self._lock:
                    self._idle.append(process)

    def stop(self) -> None:
        """End all processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.stop()


processes = SlideProcesses()
atexit.register(processes.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=processes.start_anew)
