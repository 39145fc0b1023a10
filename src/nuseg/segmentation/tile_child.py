"""The process in which nuclei of tiles are separated: an interpreter of its own, beside the one that runs the network.

It takes tasks from its standard input and answers on its standard output, both pickled, since both ends are nuseg; the
pixels lie in memory that both processes share. `nuseg.segmentation.tile_processes` talks to it.
"""

import math
import mmap
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nuseg.io.child_processes import begin_child
from nuseg.segmentation.checkpoint import FolderCheckpoint
from nuseg.segmentation.joining import Part, Shared, join_and_keep
from nuseg.segmentation.plan import Frame
from nuseg.segmentation.tiles import ReadTile, separate_and_keep
from nuseg.segmentation.tiling import Tile
from nuseg.types import Integers


@dataclass(frozen=True, eq=False)
class TileTask:
    """A tile whose pixels and maps lie one after the other in a file that is mapped to memory.

    Attributes
    ----------
    memory : int
        Number under which both processes have the file open.
    parts : Path
        Folder of the checkpoint.
    tile : Tile
    number : int
        Of the plan.
    damaged : (n, 4) int64
    pixels, maps : tuple of int
        Shapes of both.
    frame : Frame, optional
        None: that of the last task.
    """

    memory: int
    parts: Path
    tile: Tile
    number: int
    damaged: Integers
    pixels: tuple[int, ...]
    maps: tuple[int, ...]
    frame: Frame | None

    def do(self, frame: Frame) -> int:
        """Find its nuclei; gives how many lie within its core."""
        pixels, maps = shared_arrays(self.memory, self.pixels, self.maps)
        seen = ReadTile(self.number, pixels, self.damaged)
        return separate_and_keep(frame, self.tile, FolderCheckpoint(self.parts), seen, maps)


@dataclass(frozen=True, eq=False)
class JoinTask:
    """Components that tiles share; see `TileTask`."""

    parts: Path
    shared: Shared
    frame: Frame | None

    def do(self, frame: Frame) -> list[Part]:
        """Find their nuclei; gives the parts that were made."""
        return join_and_keep(frame, self.shared, FolderCheckpoint(self.parts))


def shared_arrays(memory: int, pixels: tuple[int, ...], maps: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Map pixels and maps of a tile, both uint8, to memory."""
    content = np.frombuffer(mmap.mmap(memory, 0), np.uint8)
    first, second = math.prod(pixels), math.prod(maps)
    return content[:first].reshape(pixels), content[first : first + second].reshape(maps)


def main() -> None:
    """Do tasks until the standard input ends; answer with what they give, or None where that failed."""
    cv2.setNumThreads(1)
    answers = begin_child()
    frame: Frame | None = None
    while True:
        try:
            task: TileTask | JoinTask = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        frame = task.frame or frame
        pickle.dump(done(task, frame), answers)
        answers.flush()


def done(task: TileTask | JoinTask, frame: Frame | None) -> int | list[Part] | None:
    """Do a task; whoever asked does anew what fails, and so learns the reason."""
    try:
        return None if frame is None else task.do(frame)
    except Exception:
        return None
