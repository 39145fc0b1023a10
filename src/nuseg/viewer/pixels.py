"""Pixels for the page: Deep Zoom tiles and thumbnails, read from the files part by part."""

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.source import Source
from nuseg.types import RGB
from nuseg.viewer.items import Item
from nuseg.viewer.keeping import Kept
from nuseg.viewer.security import Refused

TILE = 512  # px of a side
PART = 2048  # px of a side that are read at once, at most
OVERVIEW = 4096  # px; longer side of the small picture that the coarsest tiles of a file without levels are made of
FAR = 8.0  # times that pixels of a file are made smaller for a tile before the small picture is taken instead
THUMBNAIL = 320  # px
QUALITY = 88  # of JPEG
READERS = 4  # files that are read at once: each takes some tens of MB
TILE_BYTES, OVERVIEW_BYTES, SOURCE_BYTES = 96_000_000, 200_000_000, 600_000_000
MOST_OPEN = 24  # files


@dataclass
class Opened:
    """An open file, how many read it now, and how much memory it takes."""

    source: Source
    size: int
    readers: int = 0
    dropped: bool = False


class Pixels:
    """Tiles of items, in memory that does not grow with how many there are, how large they are, or who asks."""

    def __init__(self) -> None:
        self._tiles: Kept[bytes] = Kept(TILE_BYTES, len)
        self._overviews: Kept[RGB] = Kept(OVERVIEW_BYTES, lambda pixels: pixels.nbytes)
        self._open: OrderedDict[str, Opened] = OrderedDict()
        self._lock, self._turns = Lock(), BoundedSemaphore(READERS)

    def tile(self, item: Item, level: int, column: int, row: int) -> bytes:
        """Give a Deep Zoom tile as JPEG.

        Parameters
        ----------
        item : Item
        level : int
            0 is a picture of one pixel, the highest the image itself.
        column, row : int

        Raises
        ------
        Refused
            There is no such tile.
        NusegError
            The file is damaged there.
        """
        highest = max_level(item.width, item.height)
        if not 0 <= level <= highest:
            raise Refused(404, f"tile: expected a level from 0 to {highest}")
        factor = 2 ** (highest - level)
        width, height = math.ceil(item.width / factor), math.ceil(item.height / factor)
        if not (0 <= column * TILE < width and 0 <= row * TILE < height):
            raise Refused(404, "tile: outside of the image")
        size = min(TILE, width - column * TILE), min(TILE, height - row * TILE)
        key = item.id, level, column, row
        return self._tiles.get(key, lambda: as_jpeg(self._draw(item, factor, (column * TILE, row * TILE), size)))

    def thumbnail(self, item: Item) -> bytes:
        """Give the whole image small, as JPEG."""

        def make() -> bytes:
            with self.reading(item) as source:
                return as_jpeg(white(THUMBNAIL, THUMBNAIL) if source is None else source.thumbnail(THUMBNAIL))

        return self._tiles.get((item.id, "thumbnail"), make)

    @contextmanager
    def reading(self, item: Item) -> Iterator[Source | None]:
        """Open the file of an item, or give the open one; None where it is not at hand. Few are read at once."""
        if item.source is not None:
            yield item.source
            return
        if item.image is None:
            yield None
            return
        with self._turns:
            opened = self._lease(item)
            try:
                yield opened.source
            finally:
                self._release(opened)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for opened in self._open.values():
                opened.source.close()
            self._open.clear()

    def _lease(self, item: Item) -> Opened:
        with self._lock:
            opened = self._open.get(item.id)
            if opened is None:
                source = open_source(item.image) if item.image is not None else None
                if source is None or (source.width, source.height) != (item.width, item.height):
                    raise NusegError(
                        f"{item.name}: the image has another size than it had, expected {item.width} x {item.height} "
                        "px; start the viewer again"
                    )
                opened = self._open[item.id] = Opened(source, memory_of(source))
            self._open.move_to_end(item.id)
            opened.readers += 1
            while len(self._open) > 1 and (
                len(self._open) > MOST_OPEN or sum(one.size for one in self._open.values()) > SOURCE_BYTES
            ):
                _, oldest = self._open.popitem(last=False)
                oldest.dropped = True
                if not oldest.readers:
                    oldest.source.close()
            return opened

    def _release(self, opened: Opened) -> None:
        with self._lock:
            opened.readers -= 1
            if opened.dropped and not opened.readers:
                opened.source.close()

    def _draw(self, item: Item, factor: int, corner: tuple[int, int], size: tuple[int, int]) -> RGB:
        """Read a part of an item made smaller by `factor`; `corner` and `size` count pixels of the small picture."""
        with self.reading(item) as source:
            if source is None:
                return white(*size)
            best = max(i for i, level in enumerate(source.levels) if i == 0 or level.downsample <= factor * 1.001)
            scale = factor / source.levels[best].downsample
            shrunk = max(source.width, source.height) / OVERVIEW
            if scale > FAR and factor >= shrunk:
                small = self._overviews.get(item.id, lambda: source.thumbnail(OVERVIEW))
                return cut(small, corner, size, factor * small.shape[1] / source.width)
            if scale <= 1.001:
                return source.read(best, *corner, *size)
            return read_small(source, best, corner, size, scale)


def max_level(width: int, height: int) -> int:
    """Highest Deep Zoom level of an image of `width` x `height` px."""
    return max(0, math.ceil(math.log2(max(width, height))))


def read_small(source: Source, level: int, corner: tuple[int, int], size: tuple[int, int], scale: float) -> RGB:
    """Read a part of a level made smaller by `scale`, in strips that take little memory."""
    (x, y), (width, height) = corner, size
    whole = source.levels[level].width, source.levels[level].height
    left, right = round(x * scale), max(round(x * scale) + 1, round((x + width) * scale))
    step = max(1, int(PART**2 / (right - left) / scale))
    strips = []
    for start in range(0, height, step):
        rows = min(step, height - start)
        top = round((y + start) * scale)
        bottom = max(top + 1, round((y + start + rows) * scale))
        # The last pixels of a small picture reach beyond the image: its border goes on there.
        ends = max(left + 1, min(right, whole[0])), max(top + 1, min(bottom, whole[1]))
        part = source.read(level, left, top, ends[0] - left, ends[1] - top)
        whole_part = cv2.copyMakeBorder(part, 0, bottom - ends[1], 0, right - ends[0], cv2.BORDER_REPLICATE)
        strips.append(cv2.resize(whole_part, (width, rows), interpolation=cv2.INTER_AREA))
    return np.concatenate(strips).astype(np.uint8, copy=False)


def cut(small: RGB, corner: tuple[int, int], size: tuple[int, int], scale: float) -> RGB:
    """Cut a tile out of a small picture, of which a pixel of the tile covers `scale` in each direction."""
    (x, y), (width, height) = (round(value * scale) for value in corner), size
    right, bottom = round((corner[0] + width) * scale), round((corner[1] + height) * scale)
    part = small[y : max(y + 1, bottom), x : max(x + 1, right)]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def memory_of(source: Source) -> int:
    """About how much memory an open file takes: one without levels may be decoded as a whole."""
    return source.width * source.height * 3 if source.kind == "image" else 20_000_000


def white(width: int, height: int) -> RGB:
    """Make a picture in which nothing is to be seen."""
    return np.full((height, width, 3), 245, np.uint8)


def as_jpeg(pixels: RGB) -> bytes:
    """Encode pixels as JPEG."""
    done, encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise NusegError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels cannot be encoded as JPEG")
    return encoded.tobytes()
