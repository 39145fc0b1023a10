"""From a slide to its nuclei: tile by tile in flat memory, with the result of the untiled slide."""

import hashlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from nuseg.engines.engine import Engine
from nuseg.engines.loading import available_cores
from nuseg.io.source import Slide, open_slide
from nuseg.results.batch import NucleiBatch
from nuseg.results.slide import DEFAULT_SLIDE_OUTPUTS, SlideOutput, write_slide_results
from nuseg.segmentation.checkpoint import Partial
from nuseg.segmentation.components import MEASURES, Nuclei, Pixels, separate_tile
from nuseg.segmentation.plan import SlideOptions, SlidePlan, plan_slide, settings_of
from nuseg.segmentation.postprocess import quantise
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stitching import find_groups, giant_cells, nuclei_of, split_home
from nuseg.segmentation.tiling import Tile

PAGE = 2048  # px of the model's grid: nuclei are numbered square by square of this side, in reading order
WAITING = 2  # tiles that wait before and behind the network
PARTS_KEPT = 4  # in memory, of those on disk
# Parts on disk: of a tile, the nuclei that it shares with others, those of a part of a giant.
TILE, JOINED, GIANT = "tile", "joined", "giant"
MAX_CELLS = 1_000_000  # of one giant
NUCLEI, PIXELS = list(Nuclei.__dataclass_fields__), list(Pixels.__dataclass_fields__)
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Progress:
    """How far a slide is: tiles done, all tiles, nuclei found so far in tiles of this run."""

    tiles: int
    all_tiles: int
    nuclei: int


def segment_slide(
    slide: str | Path | Slide,
    folder: str | Path,
    segmenter: Segmenter,
    options: SlideOptions | None = None,
    outputs: Sequence[SlideOutput] = DEFAULT_SLIDE_OUTPUTS,
    name: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Segment, count and measure the nuclei of a slide, and write the results.

    Memory does not grow with the slide. What is done is kept in `folder/NAME.partial` until the results are
    written: after an interruption the same call goes on from there. Tile and workers do not change the result.

    Parameters
    ----------
    slide : path or Slide
        To segment.
    folder : path
        For the results, `nuseg.results.slide.PLACES` says where in it.
    segmenter : Segmenter
        Model and engine.
    options : SlideOptions, optional
        Resolution, region, tissue, tile.
    outputs : sequence of str
        Which results.
    name : str, optional
        Of the results; default: the slide's without suffix.
    progress : function, optional
        Called after each tile.
    workers : int, optional
        Threads that separate nuclei beside the network; default: half of the cores.

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    NusegError
        The slide cannot be opened, the resolution is implausible, or the results cannot be written.
    """
    begun = time.perf_counter()
    options = options or SlideOptions()
    workers = workers or max(1, available_cores() // 2)
    with opened(slide) as source:
        name = name or source.path.stem
        settings = settings_of(source, segmenter.model.config, options)
        plan = plan_slide(source, segmenter.model.config, options)
        partial = Partial(Path(folder) / f"{name}.partial", settings | {"tile": options.tile})
        for state in run_tiles(plan, segmenter.network, partial, workers):
            if progress is not None:
                progress(state)
        join_tiles(plan, partial, workers)
        damaged = damaged_places(plan, partial)
        error = segmenter.model.config.count_error
        summary = {
            "model": segmenter.model.config.name,
            "count_error": error and error.model_dump(),
            "fingerprint": fingerprint(settings),
            "origin": list(source.origin),
            "tiles": len(plan.tiles),
            "damaged_tiles": damaged,
            "warnings": plan.warnings + damage_warning(source, damaged),
            "seconds": time.perf_counter() - begun,
        }
        record = write_slide_results(Path(folder), name, batches(plan, partial), plan.info, summary, outputs)
    partial.remove()
    return record


@contextmanager
def opened(slide: str | Path | Slide) -> Iterator[Slide]:
    """Open a slide and close it, or take one that is open."""
    if isinstance(slide, Slide):
        yield slide
        return
    with open_slide(slide) as source:
        yield source


def fingerprint(settings: dict[str, Any]) -> str:
    """Identify settings by sixteen hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def damage_warning(slide: Slide, damaged: list[list[int]]) -> list[str]:
    """Say that something was left out, where it was."""
    if not damaged:
        return []
    x, y, width, height = damaged[0]
    return [
        f"{slide.path}: {len(damaged)} damaged part(s) of the file taken as blank, the first at x {x}, y {y} "
        f"({width} x {height} px)"
    ]


def ahead(pool: Executor, function: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """Map in other threads, in order, with at most `WAITING` results in hand."""
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > WAITING:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that, after an error, drops what has not begun."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def run_tiles(plan: SlidePlan, network: Engine, partial: Partial, workers: int) -> Iterator[Progress]:
    """Do the tiles that are not done: threads read, this one runs the network, threads separate and save."""
    left = [number for number in range(len(plan.tiles)) if not partial.has(TILE, number)]
    done, nuclei = len(plan.tiles) - len(left), 0

    def read(number: int) -> tuple[int, np.ndarray, np.ndarray]:
        rows, columns = plan.tiles[number].window
        pixels, damaged = plan.grid.read(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
        return number, pixels, np.array(damaged, np.int64).reshape(-1, 4)

    def finish(given: tuple[int, np.ndarray, np.ndarray, np.ndarray]) -> int:
        number, maps, colour, damaged = given
        tile = plan.tiles[number]
        found, pixels = separate_tile(maps, colour, plan.seen(tile), tile, plan.grid.shape, plan.rules)
        partial.save(TILE, number, vars(found) | vars(pixels) | {"damaged": damaged})
        return len(found)

    with threads(2) as reading, threads(workers) as separating:
        windows = ahead(reading, read, left)
        for count in ahead(separating, finish, (predicted(plan, network, *window) for window in windows)):
            done, nuclei = done + 1, nuclei + count
            yield Progress(done, len(plan.tiles), nuclei)


def predicted(
    plan: SlidePlan, network: Engine, number: int, pixels: np.ndarray, damaged: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Run the network over a tile's window; what is returned covers core and halo."""
    tile = plan.tiles[number]
    inside = within(plan.seen(tile), tile)
    return number, quantise(network(pixels[None])[0][:, *inside]), pixels[inside], damaged


def within(seen: tuple[slice, slice], tile: Tile) -> tuple[slice, slice]:
    """A part of a tile's window in the window's own coordinates."""
    rows, columns = (slice(s.start - w.start, s.stop - w.start) for s, w in zip(seen, tile.window, strict=True))
    return rows, columns


def join_tiles(plan: SlidePlan, partial: Partial, workers: int) -> None:
    """Find the nuclei in pieces of mask that several tiles share."""

    @lru_cache(PARTS_KEPT)
    def load(number: int) -> Pixels:
        return Pixels(*partial.load(TILE, number, PIXELS))

    groups = find_groups(plan.tiles, load)
    left = [number for number in np.unique(groups.home).tolist() if not partial.has(JOINED, number)]

    def join(number: int) -> None:
        usual, giants = split_home(number, groups)
        for group in giants.tolist():
            for cell, pixels in enumerate(giant_cells(group, groups, load)):
                partial.save(GIANT, group * MAX_CELLS + cell, vars(pixels.nuclei(plan.rules)))
        partial.save(JOINED, number, vars(nuclei_of(usual, groups, load, plan.rules)))

    with threads(workers) as pool:
        for _ in ahead(pool, join, left):
            pass


def damaged_places(plan: SlidePlan, partial: Partial) -> list[list[int]]:
    """Where the file could not be read: x, y, width, height in px of level 0, each once, in reading order."""
    places = {tuple(p) for n in range(len(plan.tiles)) for p in partial.load(TILE, n, ["damaged"])[0].tolist()}
    return [list(place) for place in sorted(places, key=lambda place: (place[1], place[0]))]


def batches(plan: SlidePlan, partial: Partial) -> Iterator[NucleiBatch]:
    """Give all nuclei, numbered from 1: by square of `PAGE` px, and in it by first pixel, both in reading order."""
    parts_of: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    for kind in (TILE, JOINED, GIANT):
        for number in partial.numbers(kind):
            for page in np.unique(partial.load(kind, number, ["first"])[0] // PAGE, axis=0).tolist():
                parts_of[tuple(page)].append((kind, number))

    @lru_cache(PARTS_KEPT)
    def load(kind: str, number: int) -> Nuclei:
        return Nuclei(*partial.load(kind, number, NUCLEI))

    count = 0
    for page in sorted(parts_of):
        parts = [load(*part) for part in parts_of[page]]
        nuclei = Nuclei.together([part.take((part.first // PAGE == page).all(axis=1)) for part in parts])
        nuclei = nuclei.take(np.lexsort((nuclei.first[:, 1], nuclei.first[:, 0])))
        yield as_batch(nuclei, plan.grid.scale, count + 1)
        count += len(nuclei)


def as_batch(nuclei: Nuclei, scale: float, first_id: int) -> NucleiBatch:
    """Bring nuclei from the model's grid, whose pixels are `scale` px of level 0 a side, to the slide."""
    table = pd.DataFrame(nuclei.measures, columns=MEASURES)
    table[["x_px", "y_px"]] *= scale
    table["area_px"] *= scale**2
    table.insert(0, "id", np.arange(first_id, first_id + len(nuclei)))
    return NucleiBatch(table, np.split(nuclei.corners * (scale / 2), np.cumsum(nuclei.lengths)[:-1]))
