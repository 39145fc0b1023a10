"""The network over an image of any size: windows whose cores cover every pixel once, and agree with one big window."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from nuseg.engines.engine import Engine
from nuseg.model.config import ModelConfig
from nuseg.model.stride import round_up
from nuseg.types import RGB, Floats

DEFAULT_TILE = 2048  # px; where windows are not known to fit into memory
LARGEST_TILE = 4096  # px; larger ones save little
FEWEST = 3  # tiles along a source, so that the work before and behind the network is done beside it
LARGEST_PART = 2400  # px of a tile whose nuclei are separated at once
Core = tuple[slice, slice]
Wanted = Callable[[Core], bool]


@dataclass(frozen=True)
class Tile:
    """A window of an image: the core it answers for, and the margin around it that it only reads."""

    core: Core
    window: tuple[slice, slice]

    @property
    def inside(self) -> tuple[slice, slice]:
        """The core in the window's own coordinates."""
        return tuple(  # type: ignore[return-value]
            slice(core.start - window.start, core.stop - window.start)
            for core, window in zip(self.core, self.window, strict=True)
        )


def plan_tiles(height: int, width: int, tile: int, margin: int, stride: int) -> Iterator[Tile]:
    """Cover an image with tiles.

    Why tiled equals untiled: a pixel's maps depend on the image only within `margin` (the receptive field's
    radius) and on the pixel's place on the network's grid of `stride` pixels. Every window starts on that grid and
    reaches `margin` beyond its core, or to the image's own edge, where the network pads as it does untiled.

    Parameters
    ----------
    height, width
        Of the image (px).
    tile
        Largest side of the cores (px), rounded up to a multiple of `stride`; they are about alike.
    margin, stride
        Of the model (px).
    """
    for core in cores_of((slice(0, height), slice(0, width)), tile, stride):
        yield Tile(core, around(core, margin, stride, (height, width)))


@dataclass(frozen=True)
class TileSizes:
    """How large tiles are (px).

    Attributes
    ----------
    tile, part
        Largest sides of tiles, but for those at the border of an image, and of their parts, rounded up to multiples of
        `stride`.
    margin, stride
        Of the model.
    """

    tile: int
    part: int
    margin: int
    stride: int


def plan_parts(shape: tuple[int, int], area: Core, sizes: TileSizes, wanted: Wanted) -> Iterator[Tile]:
    """Cover what is wanted of an image with parts of tiles: those of one tile come together, and share its window.

    The network sees a whole tile at once, since margins cost less of larger ones; nuclei are separated part by part,
    in less memory. A part comes after those above it and to its left. The window of a tile is that of its wanted parts.

    Windows of whole tiles are alike: tiles at the border of the image are larger by the margin that they do not need.
    So are those of a single part along a side, since a network has to be compiled for every size.

    Parameters
    ----------
    shape
        Height and width of the image (px).
    area
        Beyond it nothing is wanted; tiles begin with it, on the grid of `stride`, so that few of them reach beyond.
    sizes
        Of tiles, parts and margins.
    wanted
        Says whether a core is wanted.
    """
    stride, margin = sizes.stride, round_up(sizes.margin, sizes.stride)
    rows, columns = (
        border_spans(span, length, sizes.tile, margin, stride) for span, length in zip(area, shape, strict=True)
    )
    full = [
        min(spans[0].stop + margin, length) - max(spans[0].start - margin, 0)
        for spans, length in zip((rows, columns), shape, strict=True)
    ]
    single = [
        max(side_of(spans_of(span, sizes.part, stride)[0]) for span in spans) + 2 * margin for spans in (rows, columns)
    ]
    for whole in product(rows, columns):
        cores = [core for core in cores_of(whole, sizes.part, stride) if wanted(core)]
        if cores:
            seen = together(cores)
            both = zip(seen, whole, full, single, strict=True)
            least = tuple(most if side == span else min(one, most) for side, span, most, one in both)
            window = around(seen, margin, stride, shape, least)
            yield from (Tile(core, window) for core in cores)


def border_spans(span: slice, length: int, tile: int, margin: int, stride: int) -> list[slice]:
    """Cut a span of a side into about equal ones of at most `tile` px; at the side's ends longer by what they need not.

    That is the part of their margin that lies beyond the side.
    """
    start = span.start // stride * stride
    before, after = (max(margin - there, 0) for there in (start, length - span.stop))
    inner = span.stop - start - before - after
    count = max(1, -(-inner // round_up(tile, stride)))
    step = round_up(-(-inner // count), stride)
    ends = [*(start + before + number * step for number in range(1, count)), span.stop]
    return [slice(first, last) for first, last in pairwise([start, *ends])]


def side_of(span: slice) -> int:
    """Length of a span."""
    return int(span.stop - span.start)


def cores_of(area: Core, side: int, stride: int) -> Iterator[Core]:
    """Cut an area into about equal cores of at most `side` px, in reading order, at multiples of `stride`."""
    rows, columns = (spans_of(span, side, stride) for span in area)
    return product(rows, columns)


def spans_of(whole: slice, side: int, stride: int) -> list[slice]:
    """Cut a span into about equal ones of at most `side` px, at multiples of `stride`."""
    length, most = whole.stop - whole.start, round_up(side, stride)
    step = round_up(-(-length // max(1, -(-length // most))), stride)
    return [slice(start, min(start + step, whole.stop)) for start in range(whole.start, whole.stop, step)]


def together(cores: Sequence[Core]) -> Core:
    """Give the least area that holds some cores."""
    rows, columns = (
        slice(min(side.start for side in sides), max(side.stop for side in sides)) for sides in zip(*cores, strict=True)
    )
    return rows, columns


def around(
    core: Core, margin: int, stride: int, shape: tuple[int, int], least: tuple[int, ...] = (0, 0)
) -> tuple[slice, slice]:
    """Give a core with its margin, as far as the image goes, and of `least` px a side where the grid allows it."""
    margin = round_up(margin, stride)
    sides = []
    for side, length, wanted in zip(core, shape, least, strict=True):
        start = max(min(side.start - margin, round_up(length - wanted, stride)), 0)
        sides.append(slice(start, min(max(side.stop + margin, start + wanted), length)))
    return sides[0], sides[1]


def usual_tile(area: Core, margin: int, stride: int, pixels: Callable[[], int]) -> int:
    """Choose the side of tiles (px): the largest whose windows fit into memory, but some of them in every area.

    Parameters
    ----------
    area
        Of the source that they cover (px).
    margin, stride
        Of the model (px).
    pixels
        Says how many a window may have; asked where it matters.
    """
    most = min(round_up(-(-max(map(side_of, area)) // FEWEST), stride), LARGEST_TILE)
    if most <= DEFAULT_TILE:
        return DEFAULT_TILE
    return max(DEFAULT_TILE, min(most, math.isqrt(pixels()) - 2 * round_up(margin, stride)))


def predict_maps(engine: Engine, pixels: RGB, model: ModelConfig, tile: int = DEFAULT_TILE) -> Floats:
    """Run the network over an image in memory, tile by tile.

    Parameters
    ----------
    engine
        Runs the network.
    pixels
        Image `(height, width, 3)` uint8 at the model's resolution.
    model
        Says margin, stride and maps.
    tile
        Side of the cores (px): memory against overlap. Does not change the result.

    Returns
    -------
    np.ndarray
        Maps `(k, height, width)` float32 in 0..1.
    """
    height, width = pixels.shape[:2]
    maps = np.empty((len(model.maps), height, width), np.float32)
    for part in plan_tiles(height, width, tile, model.margin, model.stride):
        window = np.ascontiguousarray(pixels[part.window])
        maps[:, *part.core] = engine(window[None])[0][:, *part.inside]
    return maps
