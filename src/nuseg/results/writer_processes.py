"""Outputs written by other processes: threads of one interpreter would write them one after the other.

Each file has a process and a thread that waits for it. A file whose process ends, or cannot write it for a reason that
nobody need know, is given up; whoever asked writes it as usual when all nuclei are known.
"""

import pickle
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nuseg.errors import NusegError
from nuseg.io.child_processes import ChildProcesses, ask_pickled, start_child
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.writer_child import Answer, Beginning, FileTask, NucleiPart

LEAST_CORES = 8  # with fewer, network and tiles keep them busy
LEAST_MM2 = 4.0  # what is smaller is written before a process has started
WAITING = 3  # parts that wait for a process; all processes share their bytes
MOST_FAILURES = 4  # after that all is written here


def worth_it(cores: int, mm2: float) -> bool:
    """Whether outputs should have processes of their own, for a source of which so much is looked at."""
    return cores >= LEAST_CORES and mm2 >= LEAST_MM2


class WriterProcess:
    """One process; writes one file at a time."""

    def __init__(self) -> None:
        """Start it.

        Raises
        ------
        OSError
            The system refuses.
        """
        self._process = start_child("nuseg.results.writer_child")

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ask(self, message: bytes) -> None:
        """Send something pickled, and wait until it is done.

        Raises
        ------
        NusegError
            The file cannot be written.
        OSError
            The process has ended, or failed for another reason.
        """
        answer: Answer = ask_pickled(self._process, message)
        if answer.refused is not None:
            raise NusegError(answer.refused)
        if answer.failed:
            raise OSError("the output failed")

    def kill(self) -> None:
        """End it; whoever waits for its answer learns that."""
        self._process.kill()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._process.kill()
        self._process.communicate()


class WriterProcesses(ChildProcesses[WriterProcess]):
    """The processes of this one, started as they are needed. Threads may share it."""

    def start_anew(self) -> None:
        super().start_anew()
        self.failures = 0

    def get(self) -> WriterProcess | None:
        """Take a process that does nothing now, or start one; None where that fails, or did too often."""
        while (process := self.take()) is not None:
            if process.alive:
                return process
            process.stop()
        if self.failures > MOST_FAILURES:
            return None
        try:
            return WriterProcess()
        except OSError:
            self.failures += 1
            return None


processes = WriterProcesses()


class FileApart:
    """A file that a process writes; a context manager, which ends the process where it does not end well.

    Parameters
    ----------
    process : WriterProcess
    task : FileTask

    Attributes
    ----------
    lost : bool
        Whether it was given up.
    """

    def __init__(self, process: WriterProcess, task: FileTask) -> None:
        self.lost = False
        self._process = process
        self._thread = ThreadPoolExecutor(1)
        self._waiting = deque[Future[None]]()
        self._ask(pickle.dumps(task))

    def add(self, part: bytes) -> None:
        """Add nuclei, a pickled `NucleiPart`; waits while too many parts wait.

        Raises
        ------
        NusegError
            The file cannot be written.
        """
        self._ask(part)
        self._wait(WAITING)

    def _ask(self, message: bytes) -> None:
        if not self.lost:
            self._waiting.append(self._thread.submit(self._process.ask, message))

    def _wait(self, most: int) -> None:
        """Wait until at most so many messages are not answered."""
        while self._waiting and (len(self._waiting) > most or self._waiting[0].done()):
            try:
                self._waiting.popleft().result()
            except OSError:
                self._give_up()
                processes.failures += 1

    def _give_up(self) -> None:
        self.lost = True
        self._waiting.clear()
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        self._process.stop()

    def __enter__(self) -> "FileApart":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_details: Any) -> None:
        if kind is None:
            try:
                self._ask(pickle.dumps(None))
                self._wait(0)
            except BaseException:
                self._give_up()
                raise
        if self.lost:
            return
        if kind is not None:
            self._give_up()
            return
        self._thread.shutdown()
        processes.put(self._process)


class FilesApart:
    """Files of a result that processes write; a context manager, as whose end they are whole, or are known to be lost.

    Parameters
    ----------
    paths : mapping of str to Path
        Where to write, by the names of outputs that other processes have, too.
    info : ResultInfo
        Of the result.

    Attributes
    ----------
    files : dict
        By the names of outputs; those are missing for which there is no process.
    """

    def __init__(self, paths: Mapping[str, Path], info: ResultInfo) -> None:
        self.files: dict[str, FileApart] = {}
        with ExitStack() as stack:
            for name, path in paths.items():
                process = processes.get()
                if process is not None:
                    task = FileTask(name, path, Beginning(info))
                    self.files[name] = stack.enter_context(FileApart(process, task))
            self._open = stack.pop_all()

    def add(self, batch: NucleiBatch) -> None:
        """Add nuclei, one or more.

        Raises
        ------
        NusegError
            A file cannot be written.
        """
        left = [file for file in self.files.values() if not file.lost]
        if left:
            part = pickle.dumps(NucleiPart.of(batch), pickle.HIGHEST_PROTOCOL)
            for file in left:
                file.add(part)

    @property
    def lost(self) -> set[str]:
        """Names of the outputs whose files were given up."""
        return {name for name, file in self.files.items() if file.lost}

    def __enter__(self) -> "FilesApart":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)
