"""Components that lie apart, put close together on a small image: what is done there takes less time and memory."""

from dataclasses import dataclass

import numpy as np

from nuseg.types import Integers


@dataclass(frozen=True, eq=False)
class Canvas:
    """A small image, and where pixels lie on it.

    Attributes
    ----------
    shape : tuple of int
        Height and width.
    place : (n,) int64
        Of each pixel, rows one after the other.
    """

    shape: tuple[int, int]
    place: Integers

    @property
    def size(self) -> int:
        """Pixels of the image."""
        return self.shape[0] * self.shape[1]

    def draw(self, values: np.ndarray) -> np.ndarray:
        """Put values of the pixels, `(n, ...)`, on an image `(h, w, ...)` of zeros."""
        rest = values.shape[1:]
        image = np.zeros((self.size, *rest), values.dtype)
        image[self.place] = values
        return image.reshape(*self.shape, *rest)


def pack(y: Integers, x: Integers, owner: Integers) -> Canvas:
    """Put components side by side, on shelves: none touches another, and each stays as it is.

    Parameters
    ----------
    y, x : (n,) integer
        Row and column of pixels, at least one.
    owner : (n,) integer
        Component of each, 0..k-1, all there.
    """
    count = int(owner.max()) + 1
    first, extent = [], []
    for places in (y, x):
        low, high = np.full(count, places.max(), np.int64), np.zeros(count, np.int64)
        np.minimum.at(low, owner, places)
        np.maximum.at(high, owner, places)
        first.append(low)
        extent.append(high + 2 - low)  # with a line of background
    height, width = extent
    order = np.argsort(-height, kind="stable")
    start = np.cumsum(width[order]) - width[order]
    shelf = start // max(int(np.sqrt((height * width).sum())), 1)
    opens = np.flatnonzero(np.diff(shelf, prepend=-1))  # its first component is its highest
    shelf = np.cumsum(np.diff(shelf, prepend=-1) > 0) - 1
    bottom = np.cumsum(height[order[opens]])
    top, left = np.empty(count, np.int64), np.empty(count, np.int64)
    top[order] = (bottom - height[order[opens]])[shelf]
    left[order] = start - start[opens][shelf]
    shape = int(bottom[-1]), int((left + width).max())
    return Canvas(shape, (y + (top - first[0])[owner]) * shape[1] + x + (left - first[1])[owner])
