"""From a source to its nuclei: tile by tile in flat memory, with the result of the untiled source."""

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely

from nuseg.engines.engine import Engine
from nuseg.engines.threads import limited_threads
from nuseg.errors import NusegError
from nuseg.io.reader import MIN_SLIDE_PIXELS
from nuseg.io.source import Source
from nuseg.model.config import ModelConfig
from nuseg.preprocess.stain.normaliser import Normaliser, plan_normaliser
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.areas import areas_mm2
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.naming import result_name
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore, NucleiStore
from nuseg.segmentation.checkpoint import Checkpoint, FolderCheckpoint, MemoryCheckpoint
from nuseg.segmentation.components import ComponentPixels, separate_tile
from nuseg.segmentation.part_store import GIANT, JOINED, PARTS_KEPT, TILE, PartStore
from nuseg.segmentation.plan import Plan, SegmentOptions, asked, plan_source, settings_of, wants_tissue
from nuseg.segmentation.postprocess import quantise
from nuseg.segmentation.resample import REACH
from nuseg.segmentation.stitching import find_groups, giant_cells, nuclei_of, split_home
from nuseg.segmentation.tiling import Tile
from nuseg.segmentation.tissue_area import NO_SQUARES, tissue_squares
from nuseg.text import printable
from nuseg.types import RGB, Floats, Integers

WAITING = 2  # tiles that wait before and behind the network
MAX_CELLS = 1_000_000  # of one giant
PIXELS = list(ComponentPixels.__dataclass_fields__)
Given = TypeVar("Given")
Made = TypeVar("Made")
TileMaps = Callable[[int, RGB], np.ndarray]
"""From the number of a tile and the pixels of its window to its quantised maps over core and halo."""


def segment_source(
    source: Source,
    model: ModelConfig,
    engine: Engine,
    options: SegmentOptions,
    checkpoint: str | Path | None = None,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> Segmentation:
    """Segment, count and measure the nuclei of an image or a slide.

    Memory does not grow with the source: what is found is kept in memory for up to 25 megapixels, else in a folder.
    Tile and threads do not change the result.

    Parameters
    ----------
    source : Source
        Stays open for the result.
    model : ModelConfig
        Resolution, margin, thresholds.
    engine : Engine
        Runs the network.
    options : SegmentOptions
        Resolution, region, tissue, tile.
    checkpoint : path, optional
        Folder to keep what is done in: after an interruption the same call goes on from there. It stays until the
        result is closed. Default: none, or a temporary one.
    threads : int, optional
        CPU threads; default: all.
    progress : function, optional
        Called after each tile.

    Raises
    ------
    NusegError
        The source is damaged, or the resolution is implausible.
    """
    begun = time.perf_counter()
    with limited_threads(threads) as cores:
        plan = plan_source(source, model, options)
        settings = settings_of(source, model, options)
        normaliser = None if options.stain is None else plan_normaliser(source, options.stain, mpp=options.mpp)
        parts = choose_checkpoint(source, checkpoint, settings | {"tile": options.tile})

        def maps_of(number: int, pixels: RGB) -> np.ndarray:
            tile = plan.tiles[number]
            shown = normaliser(pixels) if normaliser else pixels
            return quantise(engine(shown[None])[0][:, *within(plan.seen(tile), tile)])

        store = find_nuclei_of(plan, maps_of, parts, max(1, cores // 2), progress)
    damaged = damaged_places(plan, parts)
    check_read(plan, options, damaged)
    overview = plan.overview
    info = ResultInfo(
        name=result_name(source.name),
        path=source.path,
        kind=source.kind,
        width=source.width,
        height=source.height,
        origin=source.origin,
        mpp=plan.resolution.mpp,
        mpp_source=plan.resolution.source,
        model=model.name,
        count_error=model.count_error,
        counted=None if overview is None or plan.rules.roi is None else plan.rules.roi.counted,
        region_mm2=region_area(source, plan, options),
        tissue_mm2=tissue_mm2(plan, parts),
        annotations=plan.annotations,
        annotations_mm2=annotations_mm2(source, plan, parts),
        least_density=None if overview is None else overview.least_density,
        fingerprint=fingerprint(settings),
        settings=asked(source, model, options, plan.resolution.mpp)
        | {"stain_fit": normaliser.found.model_dump() if normaliser else None},
        tiles=len(plan.tiles),
        damaged=damaged,
        notes=tuple(
            printable(note)
            for note in (
                *source.notes,
                *filter(None, [plan.resolution.note, no_tissue_note(plan)]),
                *(options.region.notes if options.region else ()),
                *filter(None, [damage_note(source, damaged), blank_note(source, normaliser)]),
            )
        ),
        seconds=time.perf_counter() - begun,
    )
    return Segmentation(info, store, source, thumbnail=None if overview is None else overview.thumbnail)


def nuclei_of_maps(source: Source, model: ModelConfig, maps: np.ndarray, mpp: float) -> NucleiBatch:
    """Find the nuclei of a source whose quantised maps `(k, h, w)` are at hand, as `segment_source` finds them."""
    plan = plan_source(source, model, SegmentOptions(mpp, tissue=False))

    def maps_of(number: int, _pixels: RGB) -> np.ndarray:
        return maps[:, *plan.seen(plan.tiles[number])]

    return NucleiBatch.together(list(find_nuclei_of(plan, maps_of, MemoryCheckpoint()).batches()))


def region_area(source: Source, plan: Plan, options: SegmentOptions) -> float | None:
    """Area of a region within a source (mm2); None without one, or where only its tissue counts."""
    mpp = plan.resolution.mpp
    if options.region is None or wants_tissue(source, mpp, options.tissue):
        return None
    within_source = options.region.area.intersection(shapely.box(0, 0, source.width, source.height))
    return float(within_source.area) * mpp**2 / 1e6


def tissue_mm2(plan: Plan, parts: Checkpoint) -> float | None:
    """Area of the tissue in which nuclei count (mm2), summed over tiles; None where it was not looked for."""
    if plan.overview is None or plan.overview.least_density is None:
        return None
    pixels = sum(int(parts.load(TILE, number, ["tissue"])[0]) for number in range(len(plan.tiles)))
    return pixels * plan.rules.mpp**2 / 1e6


def annotations_mm2(source: Source, plan: Plan, parts: Checkpoint) -> Floats:
    """Area of every annotated area within a source (mm2), `(n,)`: of its tissue where that was looked for."""
    areas = plan.annotations
    if not areas or plan.overview is None or plan.overview.least_density is None:
        return areas_mm2(areas, source.width, source.height, plan.resolution.mpp)
    pixels = np.zeros(len(areas), np.int64)
    for number in range(len(plan.tiles)):
        place, count = parts.load(TILE, number, ["tissue_by_area"])[0].T
        known = place < len(areas)
        pixels[place[known]] += count[known]
    return pixels * plan.rules.mpp**2 / 1e6


def choose_checkpoint(source: Source, folder: str | Path | None, settings: dict[str, Any]) -> Checkpoint:
    """Keep parts in a given folder, in memory, or, where they are many, in a temporary folder."""
    if folder is not None:
        return FolderCheckpoint(Path(folder), settings)
    if source.width * source.height <= MIN_SLIDE_PIXELS:
        return MemoryCheckpoint()
    temporary = Path(tempfile.mkdtemp(prefix="nuseg-"))
    parts = FolderCheckpoint(temporary, settings)
    weakref.finalize(parts, shutil.rmtree, temporary, ignore_errors=True)
    return parts


def find_nuclei_of(
    plan: Plan, maps_of: TileMaps, parts: Checkpoint, workers: int = 1, progress: ProgressCallback | None = None
) -> NucleiStore:
    """Find the nuclei of all tiles, and join those that tiles share.

    Parameters
    ----------
    plan : Plan
        What to do.
    maps_of : function
        Gives the maps of a tile.
    parts : Checkpoint
        Where to keep what is done; what is there already is not done again.
    workers : int
        Threads that separate nuclei beside the network.
    progress : function, optional
        Called after each tile.
    """
    run_tiles(plan, maps_of, parts, workers, progress)
    join_tiles(plan, parts, workers)
    store = PartStore(plan.grid.scale, parts)
    return MemoryStore(list(store.batches())) if isinstance(parts, MemoryCheckpoint) else store


def fingerprint(settings: dict[str, Any]) -> str:
    """Identify settings by sixteen hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def check_read(plan: Plan, options: SegmentOptions, damaged: list[list[int]]) -> None:
    """Refuse a source of which nothing could be read: that is not a source without nuclei.

    Raises
    ------
    NusegError
        All of it is damaged where nuclei are looked for.
    """
    if not damaged:
        return
    x, y, width, height = np.array(damaged, np.float64).T
    unread = shapely.union_all(shapely.box(x, y, x + width, y + height)).buffer(REACH * plan.grid.shrink + 1)
    source, scale = plan.grid.source, plan.grid.scale
    cores = [
        shapely.box(columns.start * scale, rows.start * scale, columns.stop * scale, rows.stop * scale)
        for rows, columns in (tile.core for tile in plan.tiles)
    ]
    looked_at = shapely.union_all(cores).intersection(shapely.box(0, 0, source.width, source.height))
    if options.region is not None:
        looked_at = looked_at.intersection(options.region.area)
    if unread.covers(looked_at):
        raise NusegError(
            f"{source.where}: damaged, nothing of it could be read where nuclei are looked for ({len(damaged)} parts); "
            "copy or export it again"
        )


def no_tissue_note(plan: Plan) -> str:
    """Say that nothing was looked at, where no tissue was found."""
    if plan.tiles:
        return ""
    where = plan.grid.source.where
    return f"{where}: no tissue was found, nothing was looked at; turn the search for tissue off to look everywhere"


def damage_note(source: Source, damaged: list[list[int]]) -> str:
    """Say that something was left out, where it was."""
    if not damaged:
        return ""
    x, y, width, height = damaged[0]
    return (
        f"{source.where}: {len(damaged)} damaged part(s) of the file taken as blank, the first at x {x}, y {y} "
        f"({width} x {height} px)"
    )


def blank_note(source: Source, normaliser: Normaliser | None) -> str:
    """Say that the stain could not be normalised."""
    if normaliser is None or not normaliser.found.blank:
        return ""
    return f"{source.where}: too little stain to be normalised, the image was taken as it is"


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
def thread_pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that, after an error, drops what has not begun."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def run_tiles(
    plan: Plan, maps_of: TileMaps, parts: Checkpoint, workers: int, progress: ProgressCallback | None = None
) -> None:
    """Do the tiles that are not done: threads read, this one runs the network, threads separate and save."""
    left = [number for number in range(len(plan.tiles)) if not parts.has(TILE, number)]
    done, nuclei = len(plan.tiles) - len(left), 0
    least = None if plan.overview is None else plan.overview.least_density

    def read(number: int) -> tuple[int, RGB, Integers]:
        rows, columns = plan.tiles[number].window
        pixels, damaged = plan.grid.read(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
        return number, pixels, np.array(damaged, np.int64).reshape(-1, 4)

    def predict(given: tuple[int, RGB, Integers]) -> tuple[int, np.ndarray, RGB, Integers]:
        number, pixels, damaged = given
        tile = plan.tiles[number]
        return number, maps_of(number, pixels), pixels[within(plan.seen(tile), tile)], damaged

    def finish(given: tuple[int, np.ndarray, RGB, Integers]) -> int:
        number, maps, colour, damaged = given
        tile = plan.tiles[number]
        seen = plan.seen(tile)
        found, pixels = separate_tile(maps, colour, seen, tile, plan.grid.shape, plan.rules)
        tissue = NO_SQUARES if least is None else tissue_squares(colour, seen, tile.core, plan.rules, least)
        counted = {"tissue": np.array(tissue.total), "tissue_by_area": tissue.by_area(plan.annotations)}
        parts.save(TILE, number, vars(found) | vars(pixels) | {"damaged": damaged} | counted)
        return len(found)

    with thread_pool(2) as reading, thread_pool(workers) as separating:
        for count in ahead(separating, finish, map(predict, ahead(reading, read, left))):
            done, nuclei = done + 1, nuclei + count
            if progress is not None:
                progress(Progress(printable(plan.grid.source.name), done, len(plan.tiles), nuclei))


def within(seen: tuple[slice, slice], tile: Tile) -> tuple[slice, slice]:
    """A part of a tile's window in the window's own coordinates."""
    rows, columns = (slice(s.start - w.start, s.stop - w.start) for s, w in zip(seen, tile.window, strict=True))
    return rows, columns


def join_tiles(plan: Plan, parts: Checkpoint, workers: int) -> None:
    """Find the nuclei in components that several tiles share."""
    if len(plan.tiles) < 2:
        return

    @lru_cache(PARTS_KEPT)
    def load(number: int) -> ComponentPixels:
        return ComponentPixels(*parts.load(TILE, number, PIXELS))

    groups = find_groups(plan.tiles, load)
    left = [number for number in np.unique(groups.home).tolist() if not parts.has(JOINED, number)]

    def join(number: int) -> None:
        usual, giants = split_home(number, groups)
        for group in giants.tolist():
            for cell, pixels in enumerate(giant_cells(group, groups, load)):
                parts.save(GIANT, group * MAX_CELLS + cell, vars(pixels.nuclei(plan.rules)))
        parts.save(JOINED, number, vars(nuclei_of(usual, groups, load, plan.rules)))

    with thread_pool(workers) as pool:
        for _ in ahead(pool, join, left):
            pass


def damaged_places(plan: Plan, parts: Checkpoint) -> list[list[int]]:
    """Where the file could not be read: x, y, width, height in px of level 0, each once, in reading order."""
    places = {tuple(p) for n in range(len(plan.tiles)) for p in parts.load(TILE, n, ["damaged"])[0].tolist()}
    return [list(place) for place in sorted(places, key=lambda place: (place[1], place[0]))]
