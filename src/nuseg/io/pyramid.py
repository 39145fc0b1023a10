"""A source as a pyramid of dask arrays, of which nothing is read before it is asked for."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.source import Source
from nuseg.types import RGB

if TYPE_CHECKING:
    import dask.array

CHUNK = 1024  # px


class LevelArray:
    """A level of a source, `(h, w, 3)` uint8, read region by region as slices of it are taken.

    Of a slide what is damaged is white, as everywhere in nuseg; a damaged image is an error.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, source: Source, level: int) -> None:
        size = source.levels[level]
        self.source, self.level = source, level
        self.shape = (size.height, size.width, 3)

    def __getitem__(self, place: Any) -> RGB:
        """Read rows, columns and channels, given as slices without steps."""
        (top, bottom, _), (left, right, _), _ = (
            part.indices(side) for part, side in zip(place, self.shape, strict=True)
        )
        try:
            pixels = self.source.read(self.level, left, top, right - left, bottom - top)
        except NusegError:
            if self.source.kind != "slide":
                raise
            pixels = np.full((bottom - top, right - left, 3), 255, np.uint8)
        return np.asarray(pixels[..., place[2]], np.uint8)


def lazy_levels(source: Source, chunk: int = CHUNK) -> list["dask.array.Array"]:
    """Give a source as a pyramid.

    Parameters
    ----------
    source : Source
        Has to stay open while the arrays are in use.
    chunk : int
        Side of the parts that are read at once (px).

    Returns
    -------
    list of (h, w, 3) uint8
        From the finest: the file's own levels, then each half of the one before (the mean of four pixels) until one
        fits a chunk.
    """
    import dask.array as da

    levels = [
        da.from_array(LevelArray(source, number), (chunk, chunk, 3), name=f"nuseg-{uuid4().hex}", meta=np.empty(0))
        for number in range(len(source.levels))
    ]
    while max(levels[-1].shape) > chunk:
        levels.append(halved(levels[-1], chunk))
    return levels


def halved(level: "dask.array.Array", chunk: int) -> "dask.array.Array":
    """Take the mean of every two by two pixels; the last row and column of an odd number of them count twice."""
    import dask.array as da

    height, width, _ = level.shape
    even = da.pad(level, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").rechunk((chunk, chunk, 3))
    half: da.Array = da.rint(da.coarsen(np.mean, even, {0: 2, 1: 2})).astype(np.uint8).rechunk((chunk, chunk, 3))
    return half
