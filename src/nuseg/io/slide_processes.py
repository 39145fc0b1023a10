"""OpenSlide in processes of its own: native libraries end the process that they run in where a slide is damaged."""

import itertools
import json
import os
import signal
import subprocess
from threading import BoundedSemaphore
from typing import Any

from nuseg.errors import NusegError
from nuseg.io.child_processes import ChildProcesses, start_child
from nuseg.text import in_short

AT_ONCE = 4  # processes, at most; each decodes with one core
numbers = itertools.count()  # each opened slide has one


class SlideProcess:
    """One process; does one task at a time."""

    def __init__(self) -> None:
        try:
            self._process = start_child(
                "nuseg.io.slide_child", creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
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


class SlideProcesses(ChildProcesses[SlideProcess]):
    """The processes of this one, started as they are needed. Threads may share it."""

    def start_anew(self) -> None:
        super().start_anew()
        self._free = BoundedSemaphore(max(1, min(AT_ONCE, os.cpu_count() or 1)))

    def do(self, *task: Any) -> tuple[dict[str, Any], bytes]:
        """Do a task of `nuseg.io.slide_child` in one of the processes.

        Raises
        ------
        NusegError
            OpenSlide's words, or how it ended.
        """
        with self._free:
            process = self.take() or SlideProcess()
            try:
                facts, content = process.do(*task)
            except (ConnectionError, ValueError) as error:
                process.stop()
                raise NusegError(in_short(error)) from error
            except BaseException:  # the answer is still to come: nobody else may get it
                process.stop()
                raise
            self.put(process)
        if "error" in facts:
            raise NusegError(in_short(facts["error"]))
        return facts, content

    def forget(self, number: int) -> None:
        """Close a slide in all processes that do nothing now; the others close it when they have opened some more."""
        for process in self.take_all():
            try:
                process.do("forget", number)
            except (OSError, ValueError):
                process.stop()
            else:
                self.put(process)


processes = SlideProcesses()
