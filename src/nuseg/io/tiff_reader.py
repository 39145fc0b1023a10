"""TIFFs read block by block: plain ones, OME-TIFF and pyramids, in tiles or strips."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from tifffile import PHOTOMETRIC, PLANARCONFIG, FileHandle, TiffFile, TiffPage, TiffPageSeries

from nuseg.errors import NusegError
from nuseg.io.embedded import JPEG_START, embedded_size, ends_early
from nuseg.io.pixels import Depth, measure_depth, orient, to_rgb_uint8
from nuseg.io.reader import MIN_SLIDE_PIXELS, Kind
from nuseg.io.tiff_colours import colours, orientation
from nuseg.io.tiff_layout import EXPANDS, EXPANDS_ELSE, SLACK
from nuseg.io.tiff_metadata import aperio_objective, pixel_size
from nuseg.text import in_short
from nuseg.types import RGB

KEPT_BYTES = 200_000_000  # of decoded blocks: strips run across the whole slide and are needed again and again
MAX_BLOCK_PIXELS = 100_000_000
LARGER = 4  # an embedded picture may be padded, but not to more times its block than this
# Orientations of TIFF: rows are columns; the picture's right is stored on the left; its lower end above.
TRANSPOSED, MIRRORED_ALONG_X, MIRRORED_ALONG_Y = (5, 6, 7, 8), (2, 3, 7, 8), (3, 4, 6, 7)


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
    """A picture of a TIFF whose blocks are decoded one by one, as they are needed.

    What the values mean is settled by `nuseg.io.pixels` and `nuseg.io.tiff_colours`, as for a file decoded at once:
    the full scale of values that are not 8-bit is found by looking through all blocks of level 0 first.
    """

    bounds: tuple[int, int, int, int] | None = None

    def __init__(self, path: Path, tiff: TiffFile, series: TiffPageSeries, notes: tuple[str, ...] = ()) -> None:
        self._path, self._tiff, self._lock, self.notes = path, tiff, Lock(), notes
        readable = [level for level in series.levels if is_readable_by_block(level)]
        self._levels = [_sheets(level) for level in readable]
        if not self._levels[0][0].is_whole:
            raise NusegError(f"{path}: cut short, blocks of pixels are missing from the file; copy or export it again")
        high, wide = self._levels[0][0].block
        if high * wide > MAX_BLOCK_PIXELS:
            raise NusegError(
                f"{path}: stored in blocks of {wide} x {high} px, too large to decode; save it as a tiled TIFF"
            )
        self._levels = [sheets for sheets in self._levels if all(sheet.is_whole for sheet in sheets)]
        self._recent = Recent(KEPT_BYTES)
        self._orientation = orientation(series.keyframe)
        self.vendor = "ome-tiff" if tiff.is_ome else "tiff"
        self._stored = [(sheets[0].form.imagewidth, sheets[0].form.imagelength) for sheets in self._levels]
        self.sizes = tuple(size[::-1] if self._orientation in TRANSPOSED else size for size in self._stored)
        self.downsamples = tuple(_downsample(self._stored[0], size) for size in self._stored)
        self.pixel_size = pixel_size(tiff, series)
        self.objective = aperio_objective(tiff.pages.first.description)
        self.associated = tuple(other.name for other in tiff.series if other is not series)
        large = self.sizes[0][0] * self.sizes[0][1] > MIN_SLIDE_PIXELS
        self.kind: Kind = "slide" if len(self._levels) > 1 or large else "image"

    @cached_property
    def _depth(self) -> Depth:
        """Full scale of the stored values."""
        form = self._levels[0][0].form
        if form.dtype == np.uint8 or form.photometric == PHOTOMETRIC.PALETTE:
            return Depth(255.0, 255.0)
        return measure_depth(self._stored_blocks(), str(self._path))

    def _stored_blocks(self) -> Iterator[np.ndarray]:
        for sheet in self._levels[0]:
            down, across = sheet.grid
            for index in range(sheet.plane * down * across, (sheet.plane + 1) * down * across):
                block = self._decode(sheet, index)
                if block is not None:
                    stored = colours(block if block.shape[2] > 1 else block[..., 0], sheet.form, self._path)[0]
                    yield stored[..., None] if stored.ndim == 2 else stored

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region; see `nuseg.io.reader.Reader`."""
        left, top = (round(place / self.downsamples[level]) for place in (x, y))
        stored_width, stored_height = self._stored[level]
        turned = self._orientation
        if turned in TRANSPOSED:
            left, top, width, height = top, left, height, width
        if turned in MIRRORED_ALONG_X:
            left = stored_width - left - width
        if turned in MIRRORED_ALONG_Y:
            top = stored_height - top - height
        parts = [self._region(sheet, left, top, width, height) for sheet in self._levels[level]]
        pixels = parts[0] if len(parts) == 1 else np.stack([part[..., 0] for part in parts], axis=2)
        return pixels if turned == 1 else orient(pixels, turned)

    def _region(self, sheet: Sheet, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Put a region of a sheet together from the blocks that it lies in."""
        pixels = np.full((height, width, 3), 255, np.uint8)
        high, wide = sheet.block
        down, across = sheet.grid
        for row in range(top // high, -(-(top + height) // high)):
            for column in range(left // wide, -(-(left + width) // wide)):
                block = self._block(sheet, (sheet.plane * down + row) * across + column)
                y, x = row * high - top, column * wide - left
                inside = pixels[max(y, 0) : y + high, max(x, 0) : x + wide]
                if block is not None:
                    inside[...] = block[max(-y, 0) :, max(-x, 0) :][: inside.shape[0], : inside.shape[1]]
        return pixels

    def _block(self, sheet: Sheet, index: int) -> RGB | None:
        """Give a block as `(h, w, 3)` uint8; None where the file has none, which is blank."""
        return self._recent.get(sheet.offsets[index], lambda: self._pixels(sheet, index))

    def _pixels(self, sheet: Sheet, index: int) -> RGB | None:
        block = self._decode(sheet, index)
        if block is None:
            return None
        form = sheet.form
        if form.samplesperpixel > block.shape[2]:  # one colour of several
            return to_rgb_uint8(block, where=str(self._path), depth=self._depth)
        stored, premultiplied = colours(block if block.shape[2] > 1 else block[..., 0], form, self._path)
        return to_rgb_uint8(stored, premultiplied, str(self._path), self._depth)

    def _decode(self, sheet: Sheet, index: int) -> np.ndarray | None:
        """Decode a block to its stored values `(h, w, samples)`."""
        offset, count = sheet.offsets[index], sheet.counts[index]
        if count == 0:
            return None
        if offset + count > sheet.file.size:
            raise NusegError(f"cut short: {offset + count:,} bytes expected, {sheet.file.size:,} found; copy it again")
        with self._lock:
            sheet.file.seek(offset)
            data = sheet.file.read(count)
        try:
            return decode_block(sheet, index, data)
        except NusegError:
            raise
        except Exception as error:  # decoders meet damage with exceptions of every kind
            raise NusegError(f"block {index} cannot be decoded ({in_short(error)}); copy or export it again") from error

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()


def decode_block(sheet: Sheet, index: int, data: bytes) -> np.ndarray | None:
    """Decode a block to its stored values `(h, w, samples)`; None where it is blank.

    Raises
    ------
    NusegError
        It claims more pixels than its place in the picture has, or lacks its end.
    Exception
        Of every kind, where it is damaged.
    """
    form, (high, wide) = sheet.form, sheet.block
    claimed = embedded_size(data)
    if claimed is not None and claimed[0] * claimed[1] > LARGER * high * wide:
        raise NusegError(
            f"block {index} claims {claimed[0]} x {claimed[1]} px, expected {wide} x {high}; copy it again"
        )
    least = high * wide * form.bitspersample / 8 / EXPANDS.get(form.compression, EXPANDS_ELSE)
    if len(data) * SLACK < least:
        raise NusegError(f"block {index} is cut short, {len(data):,} bytes found; copy or export it again")

    def decode(content: bytes) -> np.ndarray | None:
        decoded = form.decode(content, index, jpegtables=form.jpegtables, jpegheader=form.jpegheader)[0]
        return None if decoded is None else np.asarray(decoded[0])

    stored = decode(data)
    is_jpeg = data.startswith(JPEG_START) and form.jpegheader is None
    if stored is not None and is_jpeg and ends_early(data, stored, lambda content: np.asarray(decode(content))):
        raise NusegError(f"block {index} is cut short, its lower end is missing; copy or export it again")
    return stored


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


def is_readable_by_block(series: TiffPageSeries) -> bool:
    """Whether a picture lies in the file as one grid of blocks, or as one for each colour; a stack does not."""
    form = series.keyframe
    white_is_zero = form.photometric == PHOTOMETRIC.MINISWHITE and form.dtype is not None and form.dtype.kind == "f"
    return (
        form.dtype is not None
        and form.dtype.kind in "buif"
        and not white_is_zero  # its white is the largest value of the whole picture
        and (series.axes in ("YX", "YXS", "SYX") or _is_stack_of_colours(series))
        and len(_sheets(series)) in (1, 3)
    )


def _downsample(full: tuple[int, int], size: tuple[int, int]) -> float:
    """Factor between two levels: the whole number that their sizes were rounded from, where there is one."""
    whole = round(full[0] / size[0])
    if all(abs(long / whole - short) <= 1 for long, short in zip(full, size, strict=True)):
        return float(whole)
    return (full[0] / size[0] + full[1] / size[1]) / 2
