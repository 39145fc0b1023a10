"""TIFF pyramids that OpenSlide does not read: OME-TIFF, and plain TIFFs in strips or odd compressions."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from tifffile import PLANARCONFIG, FileHandle, TiffFile, TiffPage, TiffPageSeries

from nuseg.errors import NusegError
from nuseg.io.pixels import to_rgb_uint8
from nuseg.io.tiff import colours
from nuseg.io.tiff_metadata import pixel_size
from nuseg.io.tiff_whole import structure_lies_within

KEPT_BYTES = 200_000_000  # of decoded blocks: strips run across the whole slide and are needed again and again
MAX_BLOCK_PIXELS = 100_000_000


def is_ome(path: Path) -> bool:
    """Whether a TIFF is an OME-TIFF."""
    with TiffFile(path) as tiff:
        return bool(tiff.is_ome)


@dataclass(frozen=True)
class Sheet:
    """A picture that lies in the file as a grid of blocks (tiles or strips), in all its colours or in one of them.

    Attributes
    ----------
    form : TiffPage
        Size, compression, colours.
    file : FileHandle
        Where the blocks are.
    offsets, counts : sequence of int
        Place and length of each block (bytes).
    plane : int
        Which of several colours that are stored one after the other.
    """

    form: TiffPage
    file: FileHandle
    offsets: Sequence[int]
    counts: Sequence[int]
    plane: int = 0

    @property
    def block(self) -> tuple[int, int]:
        """Height and width of a block (px)."""
        if self.form.is_tiled:
            return self.form.tilelength, self.form.tilewidth
        return min(self.form.rowsperstrip, self.form.imagelength), self.form.imagewidth

    @property
    def grid(self) -> tuple[int, int]:
        """How many blocks lie above each other, and side by side."""
        high, wide = self.block
        return -(-self.form.imagelength // high), -(-self.form.imagewidth // wide)

    @property
    def is_whole(self) -> bool:
        """Whether the file has a place for every block."""
        down, across = self.grid
        return min(len(self.offsets), len(self.counts)) >= (self.plane + 1) * down * across


class TiffReader:
    """A TIFF whose blocks are decoded one by one, as they are needed."""

    def __init__(self, path: Path, tiff: TiffFile) -> None:
        self._path, self._tiff, self._lock = path, tiff, Lock()
        self._levels = [_sheets(series) for series in tiff.series[0].levels]
        self._recent = Recent(KEPT_BYTES)
        self.vendor = "ome-tiff" if tiff.is_ome else "tiff"
        self.sizes = tuple((sheets[0].form.imagewidth, sheets[0].form.imagelength) for sheets in self._levels)
        self.downsamples = tuple(_downsample(self.sizes[0], size) for size in self.sizes)
        self.bounds: tuple[int, int, int, int] | None = None
        self.pixel_size = pixel_size(tiff)
        self.objective: float | None = None
        self.associated = tuple(series.name for series in tiff.series[1:])

    @classmethod
    def open(cls, path: Path) -> "TiffReader | None":
        """Open a TIFF; None if its pixels are not upright 8-bit grey or RGB.

        Raises
        ------
        NusegError
            The file is damaged.
        """
        tiff = None
        try:
            tiff = TiffFile(path)
            if not structure_lies_within(tiff, tiff.filehandle.size):
                raise ValueError("pages or tags are missing")
            if all(map(_is_readable, tiff.series[0].levels)):
                if not all(sheet.is_whole for series in tiff.series[0].levels for sheet in _sheets(series)):
                    raise ValueError("blocks of pixels are missing")
                return cls(path, tiff)
        except Exception as error:  # damage shows in exceptions of every kind
            if tiff is not None:
                tiff.close()
            raise NusegError(f"{path}: damaged or cut short, cannot be read as TIFF ({error}); copy it") from error
        tiff.close()
        return None

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Read a region; see `nuseg.io.source.Reader`."""
        left, top = (round(place / self.downsamples[level]) for place in (x, y))
        parts = [self._region(sheet, left, top, width, height) for sheet in self._levels[level]]
        return parts[0] if len(parts) == 1 else np.stack([part[..., 0] for part in parts], axis=2)

    def _region(self, sheet: Sheet, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Put a region of a sheet together from the blocks that it lies in."""
        pixels = np.full((height, width, 3), 255, np.uint8)
        high, wide = sheet.block
        if high * wide > MAX_BLOCK_PIXELS:
            raise NusegError(f"stored in blocks of {wide} x {high} px, too large to decode; save it as a tiled TIFF")
        down, across = sheet.grid
        for row in range(top // high, -(-(top + height) // high)):
            for column in range(left // wide, -(-(left + width) // wide)):
                block = self._block(sheet, (sheet.plane * down + row) * across + column)
                y, x = row * high - top, column * wide - left
                inside = pixels[max(y, 0) : y + high, max(x, 0) : x + wide]
                if block is not None:
                    inside[...] = block[max(-y, 0) :, max(-x, 0) :][: inside.shape[0], : inside.shape[1]]
        return pixels

    def _block(self, sheet: Sheet, index: int) -> np.ndarray | None:
        """Decode a block to `(h, w, 3)` uint8; None where the file has none, which is blank."""
        return self._recent.get(sheet.offsets[index], lambda: self._decode(sheet, index))

    def _decode(self, sheet: Sheet, index: int) -> np.ndarray | None:
        offset, count, form = sheet.offsets[index], sheet.counts[index], sheet.form
        if count == 0:
            return None
        if offset + count > sheet.file.size:
            raise NusegError(f"cut short: {offset + count:,} bytes expected, {sheet.file.size:,} found; copy it again")
        with self._lock:
            sheet.file.seek(offset)
            data = sheet.file.read(count)
        try:
            decoded = form.decode(data, index, jpegtables=form.jpegtables, jpegheader=form.jpegheader)[0]
        except Exception as error:  # decoders meet damage with exceptions of every kind
            raise NusegError(f"block {index} cannot be decoded ({error})") from error
        if decoded is None:
            return None
        block = decoded[0]
        if form.samplesperpixel > block.shape[2]:  # one colour of several
            return to_rgb_uint8(block)
        return to_rgb_uint8(*colours(block if block.shape[2] > 1 else block[..., 0], form, self._path))

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()


class Recent:
    """The decoded blocks that were used last, up to a number of bytes. Threads may share it."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size, self._lock = limit, 0, Lock()
        self._blocks: OrderedDict[int, np.ndarray] = OrderedDict()

    def get(self, key: int, make: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        """Return what is kept under `key`, or make it."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        block = make()
        if block is None:
            return None
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self._size += block.nbytes
            while self._size > self._limit:
                self._size -= self._blocks.popitem(last=False)[1].nbytes
        return block


def _sheets(series: TiffPageSeries) -> list[Sheet]:
    """The sheets that make up one picture: one, or one for each colour."""
    form = series.keyframe
    pages = [page for page in list(series.pages)[: 3 if _is_stack_of_colours(series) else 1] if page is not None]
    apart = form.planarconfig == PLANARCONFIG.SEPARATE and form.samplesperpixel > 1
    return [
        Sheet(form, page.parent.filehandle, page.dataoffsets, page.databytecounts, plane)
        for page in pages
        for plane in range(3 if apart else 1)
    ]


def _is_stack_of_colours(series: TiffPageSeries) -> bool:
    return series.keyframe.samplesperpixel == 1 and series.axes == "CYX" and series.shape[0] == 3


def _is_readable(series: TiffPageSeries) -> bool:
    """Whether a level is upright 8-bit grey or RGB; what is left out, such as a stack, is for the image reader."""
    form = series.keyframe
    return (
        form.dtype == np.uint8
        and form.samplesperpixel in (1, 3, 4)
        and form.tags.valueof("Orientation", 1) == 1
        and (series.axes in ("YX", "YXS", "SYX") or _is_stack_of_colours(series))
        and len(_sheets(series)) in (1, 3)
    )


def _downsample(full: tuple[int, int], size: tuple[int, int]) -> float:
    """Factor between two levels: the whole number that their sizes were rounded from, where there is one."""
    whole = round(full[0] / size[0])
    if all(abs(long / whole - short) <= 1 for long, short in zip(full, size, strict=True)):
        return float(whole)
    return (full[0] / size[0] + full[1] / size[1]) / 2
