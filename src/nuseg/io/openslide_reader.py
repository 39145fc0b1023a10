"""Slides by OpenSlide: Aperio, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle, Ventana, Zeiss, DICOM, tiled TIFF."""

import math
from pathlib import Path

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.pixels import to_rgb_uint8
from nuseg.io.reader import Kind
from nuseg.io.resolution import PixelSize, plausible_objective
from nuseg.io.slide_processes import numbers, processes
from nuseg.io.tiff_metadata import aperio_pixel_size
from nuseg.types import RGB

BOUNDS = ("x", "y", "width", "height")
# OpenSlide's words for any TIFF, also one that is no slide: those are read by `nuseg.io.tiff_reader`.
PLAIN = ("generic-tiff", "generic-tiled-tiff")
PART_PIXELS = 2**24  # larger regions are read in parts, so that OpenSlide's process needs little memory


def detect_vendor(path: Path) -> str | None:
    """Name the format of a file, None if OpenSlide does not know it.

    Raises
    ------
    NusegError
        OpenSlide breaks down on the file.
    """
    try:
        vendor = processes.do("detect", str(path))[0]["vendor"]
    except NusegError as error:
        raise NusegError(f"{path}: damaged, its format cannot be told ({error}); copy it again") from error
    return None if vendor is None else str(vendor)


class OpenSlideReader:
    """A file that OpenSlide reads, in another process: see `nuseg.io.slide_processes`."""

    kind: Kind = "slide"

    def __init__(self, path: Path) -> None:
        self._path, self._number = path, next(numbers)
        try:
            facts, _ = processes.do("describe", self._number, str(path))
        except NusegError as error:
            raise NusegError(
                f"{path}: damaged or incomplete, OpenSlide cannot open it ({error}); copy it again, with the files "
                "that belong to it"
            ) from error
        properties: dict[str, str] = facts["properties"]
        self.vendor = properties.get("openslide.vendor", "unknown")
        self.sizes = tuple((int(width), int(height)) for width, height in facts["sizes"])
        self.downsamples = tuple(map(float, facts["downsamples"]))
        self.associated = tuple(facts["associated"])
        self.objective = plausible_objective(_positive(properties.get("openslide.objective-power")))
        x, y = (_positive(properties.get(f"openslide.mpp-{axis}")) for axis in "xy")
        self.pixel_size = PixelSize(x or y or 0, y or x or 0, f"{self.vendor} metadata") if x or y else None
        if self.vendor == "aperio":  # the same rules as for an Aperio file that is read as TIFF
            self.pixel_size = aperio_pixel_size(properties.get("openslide.comment", "")) or self.pixel_size
        self.bounds = self._bounds(properties)
        self.notes: tuple[str, ...] = ()

    def _bounds(self, properties: dict[str, str]) -> tuple[int, int, int, int] | None:
        """What was scanned, as far as it lies within the file."""
        try:
            x, y, width, height = (int(properties.get(f"openslide.bounds-{name}", 0)) for name in BOUNDS)
        except ValueError:
            return None
        x, y = max(x, 0), max(y, 0)
        width, height = min(width, self.sizes[0][0] - x), min(height, self.sizes[0][1] - y)
        return (x, y, width, height) if width > 0 and height > 0 else None

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region; see `nuseg.io.reader.Reader`."""
        rows = max(1, PART_PIXELS // width)
        if height <= rows:
            return self._read(level, x, y, width, height)
        pixels = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, rows):
            down = round(top * self.downsamples[level])
            pixels[top : top + rows] = self._read(level, x, y + down, width, min(rows, height - top))
        return pixels

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        _, content = processes.do("read", self._number, str(self._path), level, x, y, width, height)
        return to_rgb_uint8(np.frombuffer(content, np.uint8).reshape(height, width, 4))

    def close(self) -> None:
        """Close the file."""
        processes.forget(self._number)


def _positive(text: str | None) -> float | None:
    """Read a number; None where there is no positive one."""
    try:
        number = float(text or 0)
    except ValueError:
        return None
    return number if 0 < number < math.inf else None
