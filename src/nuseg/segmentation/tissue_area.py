"""The area of tissue in a tile, counted in small squares: without the glass and lumen that a coarse mask holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nuseg.measure.stain import optical_density
from nuseg.preprocess.tissue import SQUARE_UM
from nuseg.results.areas import AnnotatedArea, members
from nuseg.segmentation.components import Rules
from nuseg.types import RGB, Floats, Integers


@dataclass(frozen=True, eq=False)
class TissueSquares:
    """Squares of tissue: the middle of each in px of level 0, and its pixels of the model's grid, `(n,)`."""

    x: Floats
    y: Floats
    pixels: Integers

    @property
    def total(self) -> int:
        """Pixels of all squares."""
        return int(self.pixels.sum())

    def by_area(self, areas: Sequence[AnnotatedArea]) -> Integers:
        """Give for every area with tissue its place in `areas` and the pixels of its squares, `(k, 2)` int64."""
        area, square = members(areas, self.x, self.y)
        sums = np.bincount(area, self.pixels[square], len(areas)).astype(np.int64)
        places = np.flatnonzero(sums)
        return np.stack([places, sums[places]], axis=1).astype(np.int64)


NO_SQUARES = TissueSquares(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))


def tissue_squares(
    colour: RGB, seen: tuple[slice, slice], core: tuple[slice, slice], rules: Rules, least: float
) -> TissueSquares:
    """Find the squares of tissue that a tile answers for.

    The model's grid is divided into squares of `SQUARE_UM` from its corner on. A square is tissue if its mean colour is
    dense enough and its middle lies where nuclei count. A tile answers for the squares whose first pixel lies in its
    core, so that the sum over tiles does not depend on them.

    Parameters
    ----------
    colour : (h, w, 3) uint8
        Pixels of the tile's core and at least a square's side around it, as far as the source goes.
    seen, core : pair of slice
        Where the pixels and the core lie on the model's grid.
    rules : Rules
        Resolution of the grid, and where nuclei count.
    least : float
        Optical density of tissue, from `nuseg.preprocess.tissue.tissue_density`.

    Returns
    -------
    TissueSquares
    """
    side = max(1, round(SQUARE_UM / rules.mpp))
    ends = [square_ends(inner, outer, side) for inner, outer in zip(core, seen, strict=True)]
    if not all(len(end) > 1 for end in ends):
        return NO_SQUARES
    rows, columns = ends
    part = colour[rows[0] - seen[0].start : rows[-1] - seen[0].start, columns[0] - seen[1].start :]
    part = part[:, : columns[-1] - columns[0]]
    high, wide = (len(end) - 1 for end in ends)
    # At the source's end squares are cut: their last row or column is repeated.
    missing = [(0, count * side - length) for count, length in zip((high, wide), part.shape, strict=False)]
    whole = np.pad(part, (*missing, (0, 0)), mode="edge")
    means = np.asarray(cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    row, column = np.nonzero(optical_density(means).mean(axis=2) >= least)
    y, x = ((end[at] + end[at + 1]) / 2 for end, at in zip(ends, (row, column), strict=True))
    pixels = np.diff(rows)[row] * np.diff(columns)[column]
    if rules.roi is None:
        return TissueSquares(x, y, pixels)
    counted, scale = rules.roi.counts(x, y), rules.roi.scale
    return TissueSquares(x[counted] * scale, y[counted] * scale, pixels[counted])


def square_ends(core: slice, seen: slice, side: int) -> Integers:
    """Where the squares begin that a core answers for, along one axis, and where the last of them ends."""
    starts = np.arange(-(-core.start // side) * side, core.stop, side)
    return np.append(starts, min(starts[-1] + side, seen.stop)) if len(starts) else starts
