"""What is settled about a source before its first tile is read."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from nuseg.errors import NusegError
from nuseg.io.resolution import Resolution
from nuseg.io.source import Source, overview_shape
from nuseg.measure.counts import image_area_mm2
from nuseg.model.config import ModelConfig
from nuseg.preprocess.stain.normaliser import choose_target
from nuseg.preprocess.tissue import tissue_density, tissue_mask
from nuseg.results.info import overview_side
from nuseg.segmentation import postprocess
from nuseg.segmentation.components import Rules, halo_of
from nuseg.segmentation.region import Region
from nuseg.segmentation.resample import ModelGrid
from nuseg.segmentation.roi import RegionOfInterest
from nuseg.segmentation.tiling import LARGEST_PART, LARGEST_TILE, Core, Tile, TileSizes, plan_parts, usual_tile
from nuseg.types import RGB, Mask

TISSUE_FROM_MM2 = 1.0  # smaller sources are fields that somebody chose: all of it counts
FORMAT = 8  # of what is kept of unfinished sources
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class SegmentOptions:
    """What a segmentation depends on beside source and model.

    Attributes
    ----------
    mpp : float, optional
        Resolution (um/px), over what the file says.
    region : Region, optional
        Only nuclei whose centroid lies in it count.
    tissue : bool, optional
        Whether only nuclei in tissue count; the rest is not read. Default: for sources of more than 1 mm2.
    tile : int, optional
        Side of the tiles (px of the model's grid): memory against overlap. No influence on the result. Default: the
        largest that fit into the memory meant for them.
    stain : str, optional
        Method by which the stain is normalised for the network, fitted on the whole source. Default: not at all.
    """

    mpp: float | None = None
    region: Region | None = None
    tissue: bool | None = None
    tile: int | None = None
    stain: str | None = None


@dataclass(frozen=True, eq=False)
class Overview:
    """A source made small.

    Attributes
    ----------
    thumbnail : (h, w, 3) uint8
    tissue : (h, w) bool
        All of it where tissue is not looked for.
    factor : float
        Side of a pixel of both, in px of level 0.
    least_density : float, optional
        Optical density of tissue, to count its area; None where tissue is not looked for.
    """

    thumbnail: RGB
    tissue: Mask
    factor: float
    least_density: float | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """What the nuclei of a tile depend on beside its pixels and maps.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the model's grid (px).
    halo : int
        Px around a core in which maps are needed.
    rules : Rules
    least_density : float, optional
        Optical density of tissue, to count its area; None where tissue is not looked for.
    """

    shape: tuple[int, int]
    halo: int
    rules: Rules
    least_density: float | None

    def seen(self, tile: Tile) -> tuple[slice, slice]:
        """Core and halo of a tile, as far as the source goes."""
        rows, columns = (
            slice(max(side.start - self.halo, 0), min(side.stop + self.halo, length))
            for side, length in zip(tile.core, self.shape, strict=True)
        )
        return rows, columns


@dataclass(frozen=True, eq=False)
class Plan:
    """A source on the model's grid, and the tiles in which there is something to look for.

    Attributes
    ----------
    grid : ModelGrid
    rules : Rules
    tiles : list of Tile
        Each after those above it and to its left; their windows hold core, halo and margin. Those of one window come
        together, and are seen by the network at once.
    side : int
        Of the tiles, but for those at the border, which are larger by the margin that they do not need (px).
    halo : int
        Px around a core in which maps are needed.
    resolution : Resolution
        Of level 0.
    overview : Overview, optional
        Where a region or tissue was asked for.
    classes : tuple of str
        That the model tells.
    """

    grid: ModelGrid
    rules: Rules
    tiles: list[Tile]
    side: int
    halo: int
    resolution: Resolution
    overview: Overview | None = None
    classes: tuple[str, ...] = ()

    @cached_property
    def frame(self) -> Frame:
        """What the nuclei of its tiles depend on beside pixels and maps."""
        return Frame(
            self.grid.shape, self.halo, self.rules, None if self.overview is None else self.overview.least_density
        )


def plan_source(
    source: Source, model: ModelConfig, options: SegmentOptions, window_pixels: Callable[[], int] = lambda: 0
) -> Plan:
    """Settle resolution, grid, region of interest and tiles.

    Parameters
    ----------
    source : Source
    model : ModelConfig
    options : SegmentOptions
    window_pixels : function, optional
        Says how many pixels a window may have, where `options` leaves that open; see `usual_tile`.

    Raises
    ------
    NusegError
        The resolution is implausible, or the region lies beside the source.
    """
    resolution = source.resolution(options.mpp)
    grid = ModelGrid.of(source, resolution.mpp, model.mpp)
    mpp = resolution.mpp * grid.scale
    overview, roi = None, None
    tissue = wants_tissue(source, resolution.mpp, options.tissue)
    if tissue or options.region is not None:
        overview = find_tissue(source, resolution.mpp, tissue)
        factor = overview.factor
        roi = RegionOfInterest.of(
            overview.tissue, resolution.mpp * factor, factor / grid.scale, grid.scale, options.region
        )
        check_region(source, options.region, roi)
    halo = halo_of(model.thresholds, mpp)
    margin = model.margin + halo
    area = (slice(0, grid.shape[0]), slice(0, grid.shape[1])) if roi is None else roi.extent(grid.shape)
    if options.tile is None:
        side = usual_tile(area, margin, model.stride, window_pixels)
    else:
        side = min(options.tile, LARGEST_TILE)  # a whole slide as one window would take all memory
    side = max(side // model.stride, 1) * model.stride
    # A component that lies within a part is then no giant, which would have to be cut.
    part = max(min(LARGEST_PART, postprocess.LARGEST_COMPONENT) // model.stride, 1) * model.stride

    def wanted(core: Core) -> bool:
        return roi is None or roi.touches(core)

    return Plan(
        grid=grid,
        rules=Rules(model.thresholds, model.calibration, mpp, roi, model.class_maps, model.class_calibration),
        tiles=list(plan_parts(grid.shape, area, TileSizes(side, part, margin, model.stride), wanted)),
        side=side,
        halo=halo,
        resolution=resolution,
        overview=overview,
        classes=model.classes,
    )


def check_region(source: Source, region: Region | None, roi: RegionOfInterest) -> None:
    """Refuse a region in which there is nothing to look at.

    Raises
    ------
    NusegError
        It lies beside the source, or holds no tissue where only tissue counts.
    """
    if region is None:
        return
    if not region.area.intersection(shapely.box(0, 0, source.width, source.height)).area:
        raise NusegError(
            f"{source.where}: the region lies beside the image of {source.width} x {source.height} px; give it in "
            "px of level 0"
        )
    if not roi.counted.any():
        raise NusegError(
            f"{source.where}: no tissue was found in the region, so there is nothing to look at; give another region, "
            "or turn the search for tissue off"
        )


def wants_tissue(source: Source, mpp: float, asked: bool | None) -> bool:
    """Whether nuclei are looked for in tissue alone; the same for the same picture, whatever its file."""
    return image_area_mm2((source.height, source.width), mpp) > TISSUE_FROM_MM2 if asked is None else asked


def find_tissue(source: Source, mpp: float, wanted: bool) -> Overview:
    """Make a source small and find the tissue on it, or take all of it.

    What could not be read counts as tissue: the tiles there will say so.
    """
    side = overview_side(source.width, source.height, mpp)
    _, factor = overview_shape(source.width, source.height, side)
    thumbnail, unreadable = source.overview(side)
    if not wanted:
        return Overview(thumbnail, np.ones_like(unreadable), factor)
    tissue = tissue_mask(thumbnail, mpp * factor) | unreadable
    return Overview(thumbnail, tissue, factor, tissue_density(thumbnail, tissue))


def asked(plan: Plan, model: ModelConfig, options: SegmentOptions) -> dict[str, Any]:
    """List what was asked for, and what followed from it, for the record."""
    region, source = options.region, plan.grid.source
    return {
        "mpp": options.mpp,
        "mpp_stated": source.mpp,
        "region": region and region.name,
        "region_sha256": region and region.sha256,
        "tissue": options.tissue,
        "tissue_only": wants_tissue(source, plan.resolution.mpp, options.tissue),
        "tile": plan.side,
        "stain": options.stain,
        "views": model.orientations,
        "model_fingerprint": model_fingerprint(model)[:16],
        "thresholds": model.thresholds.model_dump(),
    }


def model_fingerprint(model: ModelConfig) -> str:
    """SHA-256 of all that a model is: its weights by their checksums, thresholds, views."""
    return hashlib.sha256(model.model_dump_json().encode()).hexdigest()


def settings_of(source: Source, model: ModelConfig, options: SegmentOptions) -> dict[str, Any]:
    """List all that the nuclei of a source depend on; the tile is left to the caller."""
    return {
        "format": FORMAT,
        "source": state_of(source),
        "size": [source.width, source.height],
        "model": model_fingerprint(model),
        "mpp": options.mpp,
        "region": options.region and options.region.corners(),
        "tissue": options.tissue,
        "stain": options.stain and choose_target(options.stain).model_dump(),
    }


def state_of(source: Source) -> list[Any]:
    """What changes with the pixels: name, size and time of change of a file, a checksum of pixels in memory."""
    path = source.path
    if source.vendor == "array":
        checksum = hashlib.sha256()
        for top in range(0, source.height, ROWS_AT_ONCE):  # an array may be computed as it is read
            rows = source.read(0, 0, top, source.width, min(ROWS_AT_ONCE, source.height - top))
            checksum.update(np.ascontiguousarray(rows).data)
        return [path and path.name, checksum.hexdigest()]
    if path is None or not path.exists():
        return [path and path.name]
    state = path.stat()
    return [path.name, state.st_size, state.st_mtime_ns]
