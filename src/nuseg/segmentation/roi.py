"""The region of interest: where nuclei are looked for on a source, and which count."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from nuseg.types import Floats, Integers, Mask

if TYPE_CHECKING:
    from nuseg.segmentation.region import Region

AROUND_UM = 32.0  # more than a nucleus' radius: one whose centroid counts is seen whole


@dataclass(frozen=True, eq=False)
class RegionOfInterest:
    """Where nuclei are looked for, on a coarse grid over the model's grid; all of it in absolute places.

    A nucleus counts if its centroid lies in `counted` and in the region. It is looked for in `searched`, which
    reaches further: outside of it there is no mask by definition, whether or not a pixel there was read.

    Attributes
    ----------
    counted, searched : (h, w) bool
        On the coarse grid.
    factor : float
        Side of a coarse pixel, in px of the model's grid.
    scale : float
        Side of a pixel of the model's grid, in px of level 0.
    region : Region, optional
        In px of level 0.
    """

    counted: Mask
    searched: Mask
    factor: float
    scale: float
    region: "Region | None" = None

    @classmethod
    def of(cls, tissue: Mask, mpp: float, factor: float, scale: float, region: "Region | None") -> "RegionOfInterest":
        """Make it from a tissue mask at `mpp` um/px."""
        counted = tissue if region is None else tissue & region.draw(tissue.shape, factor * scale)
        radius = int(np.ceil(AROUND_UM / mpp)) + 1
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        return cls(counted, cv2.dilate(counted.astype(np.uint8), kernel) > 0, factor, scale, region)

    def _coarse(self, places: Floats, axis: int) -> Integers:
        cells: Integers = np.clip(np.floor(places / self.factor).astype(np.intp), 0, self.counted.shape[axis] - 1)
        return cells

    def mask(self, window: tuple[slice, slice]) -> Mask:
        """Say which pixels of a window of the model's grid are searched, bool."""
        rows, columns = (self._coarse(np.arange(side.start, side.stop) + 0.5, axis) for axis, side in enumerate(window))
        searched: Mask = self.searched.take(columns, axis=1).take(rows, axis=0)  # whole rows are copied at once
        return searched

    def touches(self, window: tuple[slice, slice]) -> bool:
        """Whether any pixel of a window is searched."""
        ends = (self._coarse(np.array([side.start + 0.5, side.stop - 0.5]), axis) for axis, side in enumerate(window))
        (top, bottom), (left, right) = ends
        return bool(self.searched[top : bottom + 1, left : right + 1].any())

    def extent(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Say in which rows and columns of a model's grid of that shape nuclei are looked for; all where nowhere."""
        sides = []
        for axis, length in enumerate(shape):
            places = np.flatnonzero(self.searched.any(axis=1 - axis))
            if not len(places):
                return slice(0, shape[0]), slice(0, shape[1])
            first, last = int(places[0] * self.factor), int(np.ceil((places[-1] + 1) * self.factor))
            at_end = places[-1] == self.searched.shape[axis] - 1
            sides.append(slice(max(first - 1, 0), length if at_end else min(last + 1, length)))
        return sides[0], sides[1]

    def counts(self, x: Floats, y: Floats) -> Mask:
        """Say which nuclei count by their centroids, `(n,)` float64 in px of the model's grid."""
        counted = self.counted[self._coarse(y, 0), self._coarse(x, 1)]
        if self.region is not None:
            counted = counted & self.region.contains(x * self.scale, y * self.scale)
        return counted
