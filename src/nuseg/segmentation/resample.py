"""A source at a model's resolution: a virtual image whose pixels do not depend on the window they are read in."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.resolution import SAME
from nuseg.io.source import Source
from nuseg.types import RGB, Integers

BLOCK = 512  # px; regions are read from the source in blocks of about this side, on a fixed grid
KEPT = 96 * 2**20  # bytes of blocks that are kept, since the windows of neighbouring tiles overlap
STEPS = 32  # a place between pixels is known to this part of a pixel: the precision of OpenCV's fixed-point tables
BAND = 64  # rows that are interpolated at once
REACH = 2  # px that an interpolation looks at on either side

Place = tuple[int, int, int, int]  # x, y, width, height in px of level 0


class BlockCache:
    """The blocks that were read last. Threads may share it; pickled empty."""

    def __init__(self) -> None:
        self._lock, self._blocks, self._size = Lock(), OrderedDict[tuple[int, int], RGB](), 0

    def get(self, key: tuple[int, int]) -> RGB | None:
        """Give a block that is kept."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
            return self._blocks.get(key)

    def keep(self, key: tuple[int, int], block: RGB) -> None:
        """Keep a block, and drop the oldest ones beyond `KEPT` bytes."""
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self._size += block.nbytes
            while self._size > KEPT and len(self._blocks) > 1:
                self._size -= self._blocks.popitem(last=False)[1].nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        return BlockCache, ()


@dataclass(frozen=True)
class ModelGrid:
    """A source rescaled to a model's resolution, window by window.

    How a pixel is made depends on its absolute place alone. It is made of level 0, so that the same picture gives the
    same pixels whatever levels its file has: level 0 is read in blocks of a fixed grid; `shrink` x `shrink` of its
    pixels, counted from the corner, are averaged; between these means is interpolated at places known to 1/32 px
    (bilinear, bicubic where the source is the coarser one). All of it is in whole numbers. Within 2 % of the wanted
    resolution nothing is interpolated. Beyond the source's edge its last row and column are repeated.

    Attributes
    ----------
    source : Source
    shrink : int
        Side of the squares that are averaged (px of level 0); 1 = none.
    zoom : float
        Distance of two pixels of the grid, in such squares; 1 = no interpolation.
    """

    source: Source
    shrink: int
    zoom: float
    _cache: BlockCache = field(default_factory=BlockCache, repr=False, compare=False)

    @classmethod
    def of(cls, source: Source, mpp: float, model_mpp: float) -> "ModelGrid":
        """Plan how a source of `mpp` um/px is brought to `model_mpp` um/px."""
        ratio = model_mpp / mpp
        near = max(1, round(ratio))
        if abs(ratio / near - 1) <= SAME:
            return cls(source, near, 1.0)
        shrink = max(1, int(ratio))
        return cls(source, shrink, ratio / shrink)

    @property
    def scale(self) -> float:
        """Side of a pixel of the grid, in px of level 0; corners of both grids coincide at 0, 0."""
        return self.shrink * self.zoom

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Height and width of the grid (px)."""
        return max(1, round(self.source.height / self.scale)), max(1, round(self.source.width / self.scale))

    def read(self, y: int, x: int, height: int, width: int) -> tuple[RGB, list[Place]]:
        """Read a window.

        Parameters
        ----------
        y, x, height, width : int
            In px of the grid.

        Returns
        -------
        pixels : (height, width, 3) uint8
            RGB; white where a slide is damaged.
        damaged : list of Place
            The blocks that could not be read.

        Raises
        ------
        NusegError
            An image is damaged: of a slide the rest is still of use.
        """
        if self.zoom == 1:
            return self._means(y, x, height, width)
        rows, row_steps = self._places(y, height)
        columns, column_steps = self._places(x, width)
        top, left = int(rows[0]) - REACH, int(columns[0]) - REACH
        means, damaged = self._means(top, left, int(rows[-1]) + REACH + 2 - top, int(columns[-1]) + REACH + 2 - left)
        how = cv2.INTER_LINEAR if self.zoom > 1 else cv2.INTER_CUBIC
        pixels = np.empty((height, width, 3), np.uint8)
        # Band by band, so that the places of pixels stay in the processor's cache.
        where = np.empty((min(BAND, height), width, 2), np.int16)
        where[..., 0] = columns - left
        across = column_steps.astype(np.uint16)
        for start in range(0, height, BAND):
            band = slice(start, min(start + BAND, height))
            places = where[: band.stop - start]
            places[..., 1] = (rows[band] - top)[:, None]
            steps = (row_steps[band] * STEPS).astype(np.uint16)[:, None] + across
            cv2.remap(means, places, steps, how, pixels[band], cv2.BORDER_REPLICATE)
        return pixels, damaged

    def _places(self, start: int, count: int) -> tuple[Integers, Integers]:
        """Where the centres of pixels lie among the means: whole numbers, and how many 32nds beyond."""
        centres = (np.arange(start, start + count) + 0.5) * self.zoom - 0.5
        return np.divmod(np.floor(centres * STEPS + 0.5).astype(np.int64), STEPS)

    def _means(self, y: int, x: int, height: int, width: int) -> tuple[RGB, list[Place]]:
        """Read a window of the averaged level 0, block by block; a damaged block is white."""
        rows, columns = (-(-length // self.shrink) for length in (self.source.height, self.source.width))
        first_y, first_x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
        last_y, last_x = min(max(y + height, first_y + 1), rows), min(max(x + width, first_x + 1), columns)
        pixels = np.full((last_y - first_y, last_x - first_x, 3), 255, np.uint8)
        side = max(1, BLOCK // self.shrink)
        damaged: list[Place] = []
        for top in range(first_y // side * side, last_y, side):
            for left in range(first_x // side * side, last_x, side):
                block = self._block(top, left, side)
                if isinstance(block, tuple):
                    damaged.append(block)
                    continue
                high, wide = block.shape[:2]
                inside = pixels[max(top - first_y, 0) : top - first_y + high, max(left - first_x, 0) :][
                    :, : left + wide - max(left, first_x)
                ]
                inside[...] = block[max(first_y - top, 0) :, max(first_x - left, 0) :][
                    : inside.shape[0], : inside.shape[1]
                ]
        if pixels.shape[:2] == (height, width):
            return pixels, damaged
        inner_y = np.clip(np.arange(y, y + height), first_y, last_y - 1) - first_y
        inner_x = np.clip(np.arange(x, x + width), first_x, last_x - 1) - first_x
        return pixels.take(inner_y, axis=0).take(inner_x, axis=1), damaged

    def _block(self, top: int, left: int, side: int) -> RGB | Place:
        """Read a block of the averaged level 0; where it is damaged, say where it lies."""
        kept = self._cache.get((top, left))
        if kept is not None:
            return kept
        factor = self.shrink
        y, x, step = top * factor, left * factor, side * factor
        high, wide = min(step, self.source.height - y), min(step, self.source.width - x)
        try:
            block = self.source.read(0, x, y, wide, high)
        except NusegError:
            if self.source.kind == "image":
                raise
            return x, y, wide, high
        if factor > 1:
            rows, columns = -(-high // factor), -(-wide // factor)
            whole = np.pad(block, ((0, rows * factor - high), (0, columns * factor - wide), (0, 0)), mode="edge")
            block = np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        self._cache.keep((top, left), block)
        return block


def resample(source: Source, mpp: float, model_mpp: float) -> RGB:
    """Bring a whole source of `mpp` um/px to `model_mpp` um/px: `(h', w', 3)` uint8."""
    grid = ModelGrid.of(source, mpp, model_mpp)
    return grid.read(0, 0, *grid.shape)[0]
