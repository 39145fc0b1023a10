"""From a source to its nuclei: tile by tile in flat memory, with the result of the untiled source."""

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from nuseg.engines.engine import Engine, arithmetic_of, window_pixels
from nuseg.engines.threads import limited_threads
from nuseg.errors import NusegError
from nuseg.io.reader import MIN_SLIDE_PIXELS
from nuseg.io.source import Source
from nuseg.model.config import ModelConfig
from nuseg.preprocess.stain.normaliser import Normaliser, plan_normaliser
from nuseg.progress import ProgressCallback
from nuseg.results.areas import areas_mm2
from nuseg.results.batch import NucleiBatch
from nuseg.results.early import EarlyFiles, EarlyOutputs
from nuseg.results.info import ResultInfo
from nuseg.results.naming import result_name
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore
from nuseg.results.writer_processes import worth_it
from nuseg.segmentation.assembly import Assembled, Assembly, Give, Sums, beside
from nuseg.segmentation.checkpoint import Checkpoint, FolderCheckpoint, MemoryCheckpoint
from nuseg.segmentation.plan import Plan, SegmentOptions, asked, plan_source, settings_of, wants_tissue
from nuseg.segmentation.resample import REACH
from nuseg.segmentation.tile_processes import choose_hands
from nuseg.segmentation.tiles import (
    GivenMaps,
    Hands,
    NetworkMaps,
    TileMaps,
    giving_back,
    left_tiles,
    run_all_tiles,
    thread_pool,
)
from nuseg.text import printable
from nuseg.types import Floats


@dataclass(frozen=True, eq=False)
class SourceWork:
    """A source of which all is settled but its tiles; can be pickled where the source can.

    Attributes
    ----------
    plan : Plan
    model : ModelConfig
    options : SegmentOptions
    settings : dict
        All that what is kept of the tiles depends on.
    normaliser : Normaliser, optional
        Of the stain that the network sees.
    arithmetic : str
        How the network is computed.
    """

    plan: Plan
    model: ModelConfig
    options: SegmentOptions
    settings: dict[str, Any]
    normaliser: Normaliser | None
    arithmetic: str = ""

    @property
    def source(self) -> Source:
        """The source."""
        return self.plan.grid.source

    def maps_by(self, engine: Engine) -> NetworkMaps:
        """The maps of its tiles, as an engine makes them."""
        return NetworkMaps(self.plan.frame, engine, self.normaliser)

    @property
    def kept_settings(self) -> dict[str, Any]:
        """All that what is kept of the tiles depends on, the tile's side and the kind of CPU as well."""
        return self.settings | {"tile": self.plan.side, "arithmetic": self.arithmetic}


def begin_source(
    source: Source, model: ModelConfig, options: SegmentOptions, engine: Engine | None = None
) -> SourceWork:
    """Settle resolution, region, tiles and stain of a source; the engine says how large tiles may be.

    Raises
    ------
    NusegError
        The source is damaged, or the resolution is implausible.
    """
    plan = plan_source(source, model, options, partial(window_pixels, engine))
    settings = settings_of(source, model, options)
    normaliser = None if options.stain is None else plan_normaliser(source, options.stain, mpp=options.mpp)
    return SourceWork(plan, model, options, settings, normaliser, arithmetic_of(engine))


def segment_source(
    source: Source,
    model: ModelConfig,
    engine: Engine,
    options: SegmentOptions,
    checkpoint: str | Path | None = None,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    early: EarlyOutputs | None = None,
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
    early : EarlyOutputs, optional
        Outputs to write while nuclei are being found.

    Raises
    ------
    NusegError
        The source is damaged, or the resolution is implausible.
    """
    begun = time.perf_counter()
    with limited_threads(threads) as cores:
        work = begin_source(source, model, options, engine)
        parts = choose_checkpoint(source, checkpoint, work.kept_settings)
        hands = choose_hands(cores, parts, len(left_tiles(work.plan, parts)), engine)
        hands.get_ready()
        with ExitStack() as stack:
            files = give = None
            if early is not None:
                apart = worth_it(cores, looked_at_mm2(work.plan))
                files = stack.enter_context(EarlyFiles(early, nothing_yet(work), apart))
                give = files.add
            found = find_nuclei_of(work.plan, work.maps_by(engine), parts, hands, progress, give)
    return finish_source(work, found, time.perf_counter() - begun, files)


def nothing_yet(work: SourceWork) -> Segmentation:
    """Make the result of a source before its first tile is read: without nuclei."""
    return Segmentation(info_of(work), MemoryStore([]), work.source)


def finish_source(work: SourceWork, found: Assembled, seconds: float, early: EarlyFiles | None = None) -> Segmentation:
    """Make the result of a source whose nuclei were found.

    Parameters
    ----------
    work : SourceWork
    found : Assembled
        Its nuclei.
    seconds : float
        That it took.
    early : EarlyFiles, optional
        Outputs that were written.

    Raises
    ------
    NusegError
        Nothing of the source could be read.
    """
    source, plan, options = work.source, work.plan, work.options
    sums = found.sums
    damaged = sums.damaged_places
    check_read(plan, options, damaged)
    info = replace(
        info_of(work),
        tissue_mm2=tissue_mm2(plan, sums),
        annotations_mm2=annotations_mm2(source, plan, sums),
        damaged=damaged,
        seconds=seconds,
    )
    if damaged:
        info = replace(info, notes=(*info.notes, printable(damage_note(source, damaged))))
    return Segmentation(info, found.store, source, None if plan.overview is None else plan.overview.thumbnail, early)


def info_of(work: SourceWork) -> ResultInfo:
    """What is known of a result before the first tile is read: all but areas of tissue, damage and time."""
    source, plan, model, options = work.source, work.plan, work.model, work.options
    overview, normaliser = plan.overview, work.normaliser
    notes = (
        *source.notes,
        plan.resolution.note,
        no_tissue_note(plan),
        *(options.region.notes if options.region else ()),
        blank_note(source, normaliser),
    )
    return ResultInfo(
        name=result_name(source.name),
        path=source.path,
        kind=source.kind,
        width=source.width,
        height=source.height,
        origin=source.origin,
        mpp=plan.resolution.mpp,
        mpp_source=plan.resolution.source,
        model=model.name,
        classes=model.classes,
        count_error=model.count_error,
        counted=None if overview is None or plan.rules.roi is None else plan.rules.roi.counted,
        region_mm2=region_area(source, plan, options),
        annotations=plan.rules.annotations,
        least_density=None if overview is None else overview.least_density,
        fingerprint=fingerprint(work.settings),
        settings=asked(plan, model, options) | {"stain_fit": normaliser.found.model_dump() if normaliser else None},
        tiles=len(plan.tiles),
        notes=tuple(printable(note) for note in notes if note),
    )


def nuclei_of_maps(source: Source, model: ModelConfig, maps: np.ndarray, mpp: float) -> NucleiBatch:
    """Find the nuclei of a source whose quantised maps `(k, h, w)` are at hand, as `segment_source` finds them."""
    plan = plan_source(source, model, SegmentOptions(mpp, tissue=False))
    found = find_nuclei_of(plan, GivenMaps(plan.frame, maps), MemoryCheckpoint(), Hands())
    return NucleiBatch.together(list(found.store.batches()))


def region_area(source: Source, plan: Plan, options: SegmentOptions) -> float | None:
    """Area of a region within a source (mm2); None without one, or where only its tissue counts."""
    mpp = plan.resolution.mpp
    if options.region is None or wants_tissue(source, mpp, options.tissue):
        return None
    within_source = options.region.area.intersection(shapely.box(0, 0, source.width, source.height))
    return float(within_source.area) * mpp**2 / 1e6


def looked_at_mm2(plan: Plan) -> float:
    """Area of all tiles (mm2)."""
    cores = (tile.core for tile in plan.tiles)
    pixels = sum((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in cores)
    return float(pixels * plan.rules.mpp**2 / 1e6)


def tissue_mm2(plan: Plan, sums: Sums) -> float | None:
    """Area of the tissue in which nuclei count (mm2); None where it was not looked for."""
    if plan.overview is None or plan.overview.least_density is None:
        return None
    return sums.tissue * plan.rules.mpp**2 / 1e6


def annotations_mm2(source: Source, plan: Plan, sums: Sums) -> Floats:
    """Area of every annotated area within a source (mm2), `(n,)`: of its tissue where that was looked for."""
    areas = plan.rules.annotations
    if not areas or plan.overview is None or plan.overview.least_density is None:
        return areas_mm2(areas, source.width, source.height, plan.resolution.mpp)
    return sums.tissue_by_area * plan.rules.mpp**2 / 1e6


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
    plan: Plan,
    maps_of: TileMaps,
    parts: Checkpoint,
    hands: Hands,
    progress: ProgressCallback | None = None,
    give: Give | None = None,
) -> Assembled:
    """Find the nuclei of all tiles; those that tiles share, and what becomes of all, beside the tiles.

    Parameters
    ----------
    plan : Plan
        What to do.
    maps_of : function
        Gives the maps of a tile.
    parts : Checkpoint
        Where to keep what is done; what is there already is not done again.
    hands : Hands
        Who does what beside the network.
    progress : function, optional
        Called after each tile.
    give : function, optional
        Takes all nuclei in the order of their numbers, batch by batch.
    """
    with thread_pool(hands.workers) as workers:
        assembly = Assembly(plan, parts, hands.join, workers, give)
        with beside(assembly) as reach, giving_back(maps_of):
            for done in run_all_tiles(plan, maps_of, parts, hands, workers, progress):
                reach(done)
        return assembly.finish()


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
    """Say that something was left out."""
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
