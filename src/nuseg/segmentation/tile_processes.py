"""Nuclei of tiles separated by other processes: threads of one interpreter would do it one after the other.

A thread waits for each process. Whatever goes wrong with a process, the thread does its tile itself.
"""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Any, TypeVar

import numpy as np

from nuseg.engines.engine import Engine, Feeder
from nuseg.io.child_processes import ChildProcesses, ask_pickled, start_child
from nuseg.segmentation.checkpoint import Checkpoint, FolderCheckpoint
from nuseg.segmentation.joining import Part, Shared, join_and_keep
from nuseg.segmentation.plan import Frame
from nuseg.segmentation.tile_child import JoinTask, TileTask, shared_arrays
from nuseg.segmentation.tiles import Hands, ReadTile, separate_and_keep
from nuseg.segmentation.tiling import Tile

LEAST_WORKERS = 2  # with one, the process that runs the network has time for it
WORTH = 4  # tiles for each process, fewer are done before it has started
MOST_FAILURES = 8  # after that all is done here
ROOM = 2**30  # bytes
SHARED = Path("/dev/shm")  # memory as files, on Linux
Made = TypeVar("Made")


class TileProcess:
    """One process; does one tile at a time."""

    def __init__(self) -> None:
        """Start it.

        Raises
        ------
        OSError
            The system refuses.
        """
        self._memory = memory_file()
        self._size = 0
        self._frame: Frame | None = None
        self._process = start_child("nuseg.segmentation.tile_child", pass_fds=[self._memory.fileno()])

    def separate(self, frame: Frame, tile: Tile, parts: FolderCheckpoint, seen: ReadTile, maps: np.ndarray) -> int:
        """Do a tile; see `nuseg.segmentation.tiles.separate_and_keep`.

        Raises
        ------
        OSError
            It has ended, there is no memory to share, or the tile failed.
        """
        self._take(seen.pixels.size + maps.size)
        pixels, maps_there = shared_arrays(self._memory.fileno(), seen.pixels.shape, maps.shape)
        pixels[...], maps_there[...] = seen.pixels, maps
        shapes, memory = (seen.pixels.shape, maps.shape), self._memory.fileno()
        found: int = self._ask(frame, partial(TileTask, memory, parts.folder, tile, seen.number, seen.damaged, *shapes))
        return found

    def join(self, frame: Frame, shared: Shared, parts: FolderCheckpoint) -> list[Part]:
        """Do what tiles share; see `nuseg.segmentation.joining.join_and_keep`.

        Raises
        ------
        OSError
            It has ended, or the task failed.
        """
        made: list[Part] = self._ask(frame, partial(JoinTask, parts.folder, shared))
        return made

    def _ask(self, frame: Frame, make: Callable[[Frame | None], TileTask | JoinTask]) -> Any:
        """Have a task done, which holds the frame where the process does not have it yet."""
        task = make(None if self._frame is frame else frame)
        found = ask_pickled(self._process, pickle.dumps(task))
        self._frame = frame
        if found is None:
            raise OSError("the task failed")
        return found

    def _take(self, size: int) -> None:
        """Make the shared memory large enough, for good: what is missing when it is written would end the process."""
        if size > self._size:
            os.posix_fallocate(self._memory.fileno(), 0, size)
            self._size = size

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._memory.close()


def memory_file() -> IO[bytes]:
    """Make a file without a name for shared memory, in memory where the system has such files, and room in them."""
    in_memory = SHARED.is_dir() and os.access(SHARED, os.W_OK) and shutil.disk_usage(SHARED).free > ROOM
    return tempfile.TemporaryFile(dir=SHARED if in_memory else None)


class TileProcesses(ChildProcesses[TileProcess]):
    """The processes of this one, started as they are needed. Threads may share it."""

    def start_anew(self) -> None:
        super().start_anew()
        self._failures = self._alive = 0
        self._starting = Lock()

    def stop(self) -> None:
        for process in self.take_all():
            self._lost(process)

    def start_ahead(self, count: int) -> None:
        """Start processes that will be needed: they make ready while a device does; where that fails, none are."""
        with suppress(OSError), self._starting:
            while self._failures <= MOST_FAILURES and self._alive < count:
                self.put(self._start())

    def _start(self) -> TileProcess:
        """Start a process, and count it."""
        process = TileProcess()
        with self._lock:
            self._alive += 1
        return process

    def _lost(self, process: TileProcess) -> None:
        """End a process that does no more."""
        process.stop()
        with self._lock:
            self._alive -= 1

    def separate(self, frame: Frame, tile: Tile, parts: Checkpoint, seen: ReadTile, maps: np.ndarray) -> int:
        """Have a tile done by a process, or do it here where that fails; see `separate_and_keep`."""
        return self._done(
            parts,
            lambda process, folder: process.separate(frame, tile, folder, seen, maps),
            lambda: separate_and_keep(frame, tile, parts, seen, maps),
        )

    def join(self, frame: Frame, shared: Shared, parts: Checkpoint) -> list[Part]:
        """Have what tiles share done by a process, or do it here where that fails; see `join_and_keep`."""
        return self._done(
            parts,
            lambda process, folder: process.join(frame, shared, folder),
            lambda: join_and_keep(frame, shared, parts),
        )

    def _done(
        self, parts: Checkpoint, there: Callable[[TileProcess, FolderCheckpoint], Made], here: Callable[[], Made]
    ) -> Made:
        if self._failures > MOST_FAILURES or not isinstance(parts, FolderCheckpoint):
            return here()
        process = self.take()
        try:
            process = process or self._start()
            made = there(process, parts)
        except (OSError, ValueError):
            if process is not None:
                self._lost(process)
            self._failures += 1
            return here()
        except BaseException:  # the answer is still to come: nobody else may get it
            if process is not None:
                self._lost(process)
            raise
        self.put(process)
        return made


processes = TileProcesses()


def choose_hands(cores: int, parts: Checkpoint, tiles: int, engine: Engine | None = None) -> Hands:
    """Share the cores out: nuclei are separated by processes where many tiles are left, and kept in a folder.

    Half of the cores are left to the network, but for an engine whose network runs elsewhere: that needs one.
    """
    workers = max(1, cores - 1 if isinstance(engine, Feeder) else cores // 2)
    many = workers >= LEAST_WORKERS and tiles >= WORTH * workers
    apart = many and isinstance(parts, FolderCheckpoint) and hasattr(os, "posix_fallocate")
    readers = max(2, cores // 4)
    if not apart:
        return Hands(readers, workers)
    return Hands(readers, workers, processes.separate, processes.join, partial(processes.start_ahead, workers))
