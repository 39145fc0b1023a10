"""A slide at a model's resolution: a virtual image whose pixels do not depend on the window they are read in."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.resolution import SAME
from nuseg.io.source import Slide

BLOCK = 512  # px; regions are read from the file in blocks of about this side, on a fixed grid
KEPT = 96 * 2**20  # bytes of blocks that are kept, since the windows of neighbouring tiles overlap
STEPS = 32  # a place between pixels is known to this part of a pixel: the precision of OpenCV's fixed-point tables
REACH = 2  # px that an interpolation looks at on either side

Place = tuple[int, int, int, int]  # x, y, width, height in px of level 0


@dataclass(frozen=True)
class ModelGrid:
    """A slide rescaled to a resolution, window by window.

    How a pixel is made depends on its absolute place alone: the level that is just finer than needed is read in
    blocks of a fixed grid; `shrink` x `shrink` of its pixels, counted from the slide's corner, are averaged; between
    these means is interpolated at places known to 1/32 px (bilinear, bicubic where the slide is the coarser one).
    All of it is in whole numbers. Within 2 % of the wanted resolution nothing is interpolated.

    Attributes
    ----------
    slide : Slide
    level : int
        That is read.
    shrink : int
        Side of the squares that are averaged (px of the level); 1 = none.
    zoom : float
        Distance of two pixels of the grid, in such squares; 1 = no interpolation.
    """

    slide: Slide
    level: int
    shrink: int
    zoom: float

    @classmethod
    def of(cls, slide: Slide, mpp: float, model_mpp: float) -> "ModelGrid":
        """Plan how a slide of `mpp` um/px is brought to `model_mpp` um/px."""
        wanted = model_mpp / mpp
        fits = [i for i, level in enumerate(slide.levels) if level.downsample <= wanted * (1 + SAME)]
        level = max(fits, key=lambda i: slide.levels[i].downsample, default=0)
        ratio = wanted / slide.levels[level].downsample
        near = max(1, round(ratio))
        if abs(ratio / near - 1) <= SAME:
            return cls(slide, level, near, 1.0)
        shrink = max(1, int(ratio))
        return cls(slide, level, shrink, ratio / shrink)

    @property
    def scale(self) -> float:
        """Side of a pixel of the grid, in px of level 0; corners of both grids coincide at 0, 0."""
        return self.slide.levels[self.level].downsample * self.shrink * self.zoom

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Height and width of the grid (px)."""
        return max(1, round(self.slide.height / self.scale)), max(1, round(self.slide.width / self.scale))

    def read(self, y: int, x: int, height: int, width: int) -> tuple[np.ndarray, list[Place]]:
        """Read a window.

        Parameters
        ----------
        y, x, height, width : int
            In px of the grid.

        Returns
        -------
        pixels : (height, width, 3) uint8
            RGB; white outside the slide and where the file is damaged.
        damaged : list of Place
            The blocks that could not be read.
        """
        if self.zoom == 1:
            return self._means(y, x, height, width)
        rows, row_steps = self._places(y, height)
        columns, column_steps = self._places(x, width)
        top, left = int(rows[0]) - REACH, int(columns[0]) - REACH
        source, damaged = self._means(top, left, int(rows[-1]) + REACH + 2 - top, int(columns[-1]) + REACH + 2 - left)
        where = np.empty((height, width, 2), np.int16)
        where[..., 0], where[..., 1] = columns - left, (rows - top)[:, None]
        steps = (row_steps[:, None] * STEPS + column_steps).astype(np.uint16)
        how = cv2.INTER_LINEAR if self.zoom > 1 else cv2.INTER_CUBIC
        return cv2.remap(source, where, steps, how, borderMode=cv2.BORDER_REPLICATE), damaged

    def _places(self, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the centres of pixels lie among the means: whole numbers, and how many 32nds beyond."""
        centres = (np.arange(start, start + count) + 0.5) * self.zoom - 0.5
        return np.divmod(np.floor(centres * STEPS + 0.5).astype(np.int64), STEPS)

    def _means(self, y: int, x: int, height: int, width: int) -> tuple[np.ndarray, list[Place]]:
        """Read a window of the averaged level, block by block; a damaged block is white."""
        pixels = np.full((height, width, 3), 255, np.uint8)
        level, side = self.slide.levels[self.level], self._side
        rows, columns = (-(-length // self.shrink) for length in (level.height, level.width))
        damaged: list[Place] = []
        for top in range(max(y, 0) // side * side, min(y + height, rows), side):
            for left in range(max(x, 0) // side * side, min(x + width, columns), side):
                block, place = self._block(top, left)
                if block is None:
                    damaged.append(place)
                    continue
                high, wide = block.shape[:2]
                inside = pixels[max(top - y, 0) : top - y + high, max(left - x, 0) : left - x + wide]
                inside[...] = block[max(y - top, 0) :, max(x - left, 0) :][: inside.shape[0], : inside.shape[1]]
        return pixels, damaged

    @property
    def _side(self) -> int:
        """Side of a block, in px of the averaged level."""
        return max(1, BLOCK // self.shrink)

    @cached_property
    def _block(self) -> Callable[[int, int], tuple[np.ndarray | None, Place]]:
        """`_read_block`, with the last blocks kept."""
        return lru_cache(max(1, KEPT // (3 * self._side**2)))(self._read_block)

    def _read_block(self, top: int, left: int) -> tuple[np.ndarray | None, Place]:
        """Read a block of the averaged level, None where it is damaged, and say where it lies."""
        level, factor = self.slide.levels[self.level], self.shrink
        y, x, side = top * factor, left * factor, self._side * factor
        high, wide = min(side, level.height - y), min(side, level.width - x)
        at_x, at_y, across, down = (round(length * level.downsample) for length in (x, y, wide, high))
        place = at_x, at_y, across, down
        # At the slide's edge a square reaches beyond it, where it is white.
        rows, columns = -(-high // factor), -(-wide // factor)
        try:
            block = self.slide.read(self.level, x, y, wide, high)
        except NusegError:
            return None, place
        if factor > 1:
            whole = np.full((rows * factor, columns * factor, 3), 255, np.uint8)
            whole[:high, :wide] = block
            block = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
        return block, place
