"""What is settled about a slide before its first tile is read."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.io.source import Slide
from nuseg.model.config import ModelConfig
from nuseg.preprocess.tissue import tissue_mask
from nuseg.results.info import SlideInfo
from nuseg.segmentation import postprocess
from nuseg.segmentation.components import Rules, halo_of
from nuseg.segmentation.region import Region
from nuseg.segmentation.resample import ModelGrid
from nuseg.segmentation.roi import SearchArea
from nuseg.segmentation.tiling import Tile, plan_tiles
from nuseg.text import one_line

SLIDE_TILE = 2048  # a window of some 2560 px for the shipped models, which takes some 1.5 GB; larger is faster
OVERVIEW_UM = 8.0  # resolution of the small picture in which tissue is found
OVERVIEW_SIDES = 1024, 4096  # px
FORMAT = 1  # of what is kept of unfinished slides


@dataclass(frozen=True)
class SlideOptions:
    """What a slide's segmentation depends on beside slide and model.

    Attributes
    ----------
    mpp : float, optional
        Resolution (um/px), over what the file says.
    region : Region, optional
        Only nuclei whose centroid lies in it count.
    tissue : bool
        Whether only nuclei in tissue count; the rest of the slide is not read.
    tile : int
        Side of the tiles (px of the model's grid): memory against overlap. No influence on the result.
    """

    mpp: float | None = None
    region: Region | None = None
    tissue: bool = True
    tile: int = SLIDE_TILE


@dataclass(frozen=True, eq=False)
class SlidePlan:
    """A slide on the model's grid, and the tiles in which there is something to look for.

    Attributes
    ----------
    grid : ModelGrid
    rules : Rules
    tiles : list of Tile
        In reading order; their windows hold core, halo and margin.
    halo : int
        Px around a core in which maps are needed.
    info : SlideInfo
        For the results.
    warnings : list of str
    """

    grid: ModelGrid
    rules: Rules
    tiles: list[Tile]
    halo: int
    info: SlideInfo
    warnings: list[str]

    def seen(self, tile: Tile) -> tuple[slice, slice]:
        """Core and halo of a tile, as far as the slide goes."""
        rows, columns = (
            slice(max(side.start - self.halo, 0), min(side.stop + self.halo, length))
            for side, length in zip(tile.core, self.grid.shape, strict=True)
        )
        return rows, columns


def plan_slide(slide: Slide, model: ModelConfig, options: SlideOptions) -> SlidePlan:
    """Settle resolution, grid, tissue and tiles.

    Raises
    ------
    NusegError
        The resolution is implausible.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        resolution = slide.resolution(options.mpp)
    grid = ModelGrid.of(slide, resolution.mpp, model.mpp)
    thumbnail, tissue, factor = find_tissue(slide, resolution.mpp, options.tissue)
    mpp = resolution.mpp * grid.scale
    area = SearchArea.of(tissue, resolution.mpp * factor, factor / grid.scale, grid.scale, options.region)
    halo = halo_of(model.thresholds, mpp)
    # A piece that lies within a tile is then no giant, which would have to be cut.
    tile = max(min(options.tile, postprocess.LARGEST_PIECE) // model.stride, 1) * model.stride
    tiles = plan_tiles(*grid.shape, tile, model.margin + halo, model.stride)
    return SlidePlan(
        grid=grid,
        rules=Rules(model.thresholds, model.calibration, mpp, area),
        tiles=[tile for tile in tiles if area.touches(tile.core)],
        halo=halo,
        info=SlideInfo(
            slide.path, slide.width, slide.height, resolution.mpp, resolution.source, thumbnail, area.counted
        ),
        warnings=[one_line(warning.message) for warning in caught],
    )


def find_tissue(slide: Slide, mpp: float, wanted: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Make a small picture of the slide and find the tissue on it.

    What could not be read counts as tissue: the tiles there will say so.

    Returns
    -------
    thumbnail : (h, w, 3) uint8
    tissue : (h, w) bool
        All of it where tissue is not wanted.
    factor : float
        Side of a pixel of both, in px of level 0.
    """
    longest = max(slide.width, slide.height)
    side = min(longest, int(np.clip(longest * mpp / OVERVIEW_UM, *OVERVIEW_SIDES)))
    thumbnail, unreadable = slide.overview(side)
    factor = longest / side
    tissue = tissue_mask(thumbnail, mpp * factor) | unreadable if wanted else np.ones_like(unreadable)
    return thumbnail, tissue, factor


def settings_of(slide: Slide, model: ModelConfig, options: SlideOptions) -> dict[str, Any]:
    """List all that the nuclei of a slide depend on; the tile is left to the caller."""
    return {
        "format": FORMAT,
        "slide": state_of(slide.path),
        "size": [slide.width, slide.height],
        "model": hashlib.sha256(model.model_dump_json().encode()).hexdigest(),
        "mpp": options.mpp,
        "region": options.region and options.region.corners(),
        "tissue": options.tissue,
    }


def state_of(path: Path) -> list[Any]:
    """Name, size and time of change of a file: what changes with it."""
    if not path.exists():
        return [path.name]
    state = path.stat()
    return [path.name, state.st_size, state.st_mtime_ns]
