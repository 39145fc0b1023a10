"""The tiles of a source, each by itself: read, seen by the network, separated into nuclei, and kept.

What is done to a tile are functions of the module's top, whose arguments can be pickled: threads, processes and the
workers of a cluster run the same.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np

from nuseg.engines.engine import ByteEngine, Engine, Feeder, release_memory
from nuseg.engines.maps import quantise
from nuseg.preprocess.stain.normaliser import Normaliser
from nuseg.progress import Progress, ProgressCallback
from nuseg.segmentation.checkpoint import Checkpoint
from nuseg.segmentation.components import separate_tile
from nuseg.segmentation.joining import Join, join_and_keep
from nuseg.segmentation.part_store import TILE, kept_arrays
from nuseg.segmentation.plan import Frame, Plan
from nuseg.segmentation.tiling import Tile, together
from nuseg.segmentation.tissue_area import NO_SQUARES, tissue_squares
from nuseg.text import printable
from nuseg.types import RGB, Integers

WAITING = 2  # tiles that wait before and behind the network
Given = TypeVar("Given")
Made = TypeVar("Made")
TileMaps = Callable[[Tile, RGB], np.ndarray]
"""From a tile and the pixels of its window to its quantised maps over core and halo, `(k, h, w)` uint8."""


@dataclass(frozen=True, eq=False)
class NetworkMaps:
    """The maps that a network makes of a tile; see `TileMaps`.

    Attributes
    ----------
    frame : Frame
    engine : Engine
        Runs the network.
    normaliser : Normaliser, optional
        Of the stain that the network sees.
    """

    frame: Frame
    engine: Engine
    normaliser: Normaliser | None = None

    def __call__(self, tile: Tile, pixels: RGB) -> np.ndarray:
        """Run the network over a tile's window."""
        seen, shown = within(self.frame.seen(tile), tile), self._shown(pixels)
        if isinstance(self.engine, ByteEngine):
            return self.engine.in_bytes(shown)[:, *seen]
        return quantise(self.engine(shown[None])[0][:, *seen])

    def begin(self, tile: Tile, pixels: RGB) -> "Begun":
        """Begin to run the network over a tile's window; an engine that does one window at a time does it now."""
        seen = within(self.frame.seen(tile), tile)
        if not isinstance(self.engine, Feeder):
            maps = self(tile, pixels)
            return Begun(lambda: maps)
        future = self.engine.submit(self._shown(pixels))
        return Begun(lambda: future.result()[:, *seen], future.done, self.engine.in_flight(math.prod(pixels.shape[:2])))

    def _shown(self, pixels: RGB) -> RGB:
        return self.normaliser(pixels) if self.normaliser else pixels


@dataclass(frozen=True, eq=False)
class Begun:
    """Maps of a tile in work.

    Attributes
    ----------
    maps : function
        Waits for them and gives them.
    done : function
        Whether they are there.
    beside : int
        How many others may be begun before these are waited for.
    """

    maps: Callable[[], np.ndarray]
    done: Callable[[], bool] = lambda: True
    beside: int = 0


@dataclass(frozen=True, eq=False)
class GivenMaps:
    """Maps of a whole source, `(k, h, w)` uint8, that are at hand; see `TileMaps`."""

    frame: Frame
    maps: np.ndarray

    def __call__(self, tile: Tile, _pixels: RGB) -> np.ndarray:
        """Cut a tile's maps out."""
        return self.maps[:, *self.frame.seen(tile)]


@dataclass(frozen=True, eq=False)
class ReadTile:
    """A tile that was read.

    Attributes
    ----------
    number : int
        Of the plan.
    pixels : (h, w, 3) uint8
        Of its core and halo.
    damaged : (n, 4) int64
        Places that could not be read: x, y, width, height in px of level 0.
    """

    number: int
    pixels: RGB
    damaged: Integers


@dataclass(frozen=True, eq=False)
class ReadWindow:
    """A window that was read, for one tile or for several.

    Attributes
    ----------
    numbers : list of int
        Of the tiles, in the plan.
    tile : Tile
        The least that holds them all.
    pixels : (h, w, 3) uint8
        Of the window.
    damaged : (n, 4) int64
        See `ReadTile`.
    """

    numbers: list[int]
    tile: Tile
    pixels: RGB
    damaged: Integers


def windows_of(plan: Plan, numbers: Iterable[int]) -> list[list[int]]:
    """Put the numbers of tiles together that share a window."""
    return [list(same) for _, same in groupby(numbers, lambda number: plan.tiles[number].window)]


def read_window(plan: Plan, numbers: list[int]) -> ReadWindow:
    """Read the window that some tiles share.

    Raises
    ------
    NusegError
        An image is damaged; of a slide the damaged parts are white.
    """
    tiles = [plan.tiles[number] for number in numbers]
    tile = Tile(together([each.core for each in tiles]), tiles[0].window)
    rows, columns = tile.window
    pixels, damaged = plan.grid.read(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
    return ReadWindow(numbers, tile, pixels, np.array(damaged, np.int64).reshape(-1, 4))


def predict_tiles(plan: Plan, maps_of: TileMaps, read: Iterable[ReadWindow]) -> Iterator[tuple[ReadTile, np.ndarray]]:
    """Give of each tile core and halo, and the maps there; several are begun at a time where that is of use."""
    waiting: deque[tuple[ReadWindow, Begun]] = deque()
    for each in read:
        begun = begin_maps(maps_of, each.tile, each.pixels)
        waiting.append((each, begun))
        while waiting and (len(waiting) > begun.beside or waiting[0][1].done()):
            seen, first = waiting.popleft()
            yield from tiles_of(plan, seen, first.maps())
    for seen, first in waiting:
        yield from tiles_of(plan, seen, first.maps())


def tiles_of(plan: Plan, window: ReadWindow, maps: np.ndarray) -> Iterator[tuple[ReadTile, np.ndarray]]:
    """Cut the tiles of a window out of it, and of the maps of all."""
    rows, columns = plan.frame.seen(window.tile)
    for number in window.numbers:
        tile = plan.tiles[number]
        top, left = seen = plan.frame.seen(tile)
        there = shifted(top, rows.start), shifted(left, columns.start)
        yield ReadTile(number, window.pixels[within(seen, tile)], window.damaged), maps[:, *there]


def begin_maps(maps_of: TileMaps, tile: Tile, pixels: RGB) -> Begun:
    """Begin the maps of a tile, or make them at once where that is the only way."""
    if isinstance(maps_of, NetworkMaps):
        return maps_of.begin(tile, pixels)
    maps = maps_of(tile, pixels)
    return Begun(lambda: maps)


@contextmanager
def giving_back(maps_of: TileMaps) -> Iterator[None]:
    """Give back the memory that windows took when a block ends, also by an error."""
    try:
        yield
    finally:
        if isinstance(maps_of, NetworkMaps):
            release_memory(maps_of.engine)


def separate_and_keep(frame: Frame, tile: Tile, parts: Checkpoint, seen: ReadTile, maps: np.ndarray) -> int:
    """Find the nuclei of a tile, count its tissue, and keep both.

    Parameters
    ----------
    frame : Frame
    tile : Tile
    parts : Checkpoint
        Where they are kept.
    seen : ReadTile
        Over core and halo.
    maps : (k, h, w) uint8
        There.

    Returns
    -------
    int
        Nuclei that lie within the core.
    """
    window = frame.seen(tile)
    found, pixels = separate_tile(maps, seen.pixels, window, tile, frame.shape, frame.rules)
    least = frame.least_density
    tissue = NO_SQUARES if least is None else tissue_squares(seen.pixels, window, tile.core, frame.rules, least)
    counted = {"tissue": np.array(tissue.total), "tissue_by_area": tissue.by_area(frame.rules.annotations)}
    classes = len(frame.rules.class_maps)
    kept = kept_arrays(found, classes) | kept_arrays(pixels, classes)
    parts.save(TILE, seen.number, kept | {"damaged": seen.damaged} | counted)
    return len(found)


def within(seen: tuple[slice, slice], tile: Tile) -> tuple[slice, slice]:
    """A part of a tile's window in the window's own coordinates."""
    rows, columns = (shifted(side, window.start) for side, window in zip(seen, tile.window, strict=True))
    return rows, columns


def shifted(side: slice, start: int) -> slice:
    """A slice in the coordinates of what begins at `start`."""
    return slice(side.start - start, side.stop - start)


Separate = Callable[[Frame, Tile, Checkpoint, ReadTile, np.ndarray], int]
"""What `separate_and_keep` does, here or elsewhere."""


@dataclass(frozen=True)
class Hands:
    """Who does what of the tiles beside the network.

    Attributes
    ----------
    readers, workers : int
        Threads that read before it, and that separate nuclei behind it.
    separate, join : function
        What the latter do: with a tile, and with what tiles share.
    get_ready : function
        Lets them make ready while something else is to be waited for.
    """

    readers: int = 2
    workers: int = 1
    separate: Separate = separate_and_keep
    join: Join = join_and_keep
    get_ready: Callable[[], None] = lambda: None


def run_tiles(
    plan: Plan, numbers: Iterable[int], maps_of: TileMaps, parts: Checkpoint, hands: Hands, workers: Executor
) -> Iterator[int]:
    """Do tiles: threads read, this one runs the network, workers separate and keep.

    Yields
    ------
    int
        Nuclei within the core of each tile, in the order of the numbers.
    """

    def finish(given: tuple[ReadTile, np.ndarray]) -> int:
        seen, maps = given
        return hands.separate(plan.frame, plan.tiles[seen.number], parts, seen, maps)

    windows = windows_of(plan, numbers)
    shared = max(map(len, windows), default=1)
    with thread_pool(hands.readers) as reading:
        # Windows of several tiles are large: one less lies in memory, and all its tiles wait while it sees the next.
        before = max(WAITING, hands.readers) - (shared > 1)
        read = ahead(reading, partial(read_window, plan), windows, before)
        predicted = predict_tiles(plan, maps_of, read)
        yield from ahead(workers, finish, predicted, max(WAITING, hands.workers) + shared - 1)


def left_tiles(plan: Plan, parts: Checkpoint) -> list[int]:
    """Numbers of the tiles that are not done."""
    return [number for number in range(len(plan.tiles)) if not parts.has(TILE, number)]


def run_all_tiles(
    plan: Plan,
    maps_of: TileMaps,
    parts: Checkpoint,
    hands: Hands,
    workers: Executor,
    progress: ProgressCallback | None = None,
) -> Iterator[int]:
    """Do the tiles that are not done, and tell `progress` after each.

    Yields
    ------
    int
        Before which number all tiles are done: at the beginning, and after each tile.
    """
    left = left_tiles(plan, parts)
    total, nuclei = len(plan.tiles), 0
    yield left[0] if left else total
    for done, count in enumerate(run_tiles(plan, left, maps_of, parts, hands, workers), 1):
        nuclei += count
        if progress is not None:
            progress(Progress(printable(plan.grid.source.name), total - len(left) + done, total, nuclei))
        yield left[done] if done < len(left) else total


def ahead(
    pool: Executor, function: Callable[[Given], Made], items: Iterable[Given], most: int = WAITING
) -> Iterator[Made]:
    """Map in other threads, in order, with at most `most` results in hand."""
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def thread_pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that, after an error, drops what has not begun."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
