"""Slides by OpenSlide: Aperio, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle, Ventana, Zeiss, DICOM, tiled TIFF."""

from pathlib import Path
from threading import Lock

import numpy as np
import openslide

from nuseg.errors import NusegError
from nuseg.io.pixels import to_rgb_uint8
from nuseg.io.reader import Kind
from nuseg.io.resolution import PixelSize
from nuseg.io.tiff_metadata import aperio_pixel_size
from nuseg.types import RGB

BOUNDS = ("x", "y", "width", "height")
# OpenSlide's words for any TIFF, also one that is no slide: those are read by `nuseg.io.tiff_reader`.
PLAIN = ("generic-tiff", "generic-tiled-tiff")


def detect_vendor(path: Path) -> str | None:
    """Name the format of a file, None if OpenSlide does not know it."""
    try:
        return openslide.OpenSlide.detect_format(str(path))
    except (openslide.OpenSlideError, OSError):
        return None


class OpenSlideReader:
    """A file that OpenSlide reads.

    An error makes an OpenSlide handle useless for good, so the file is opened anew after one.
    """

    kind: Kind = "slide"
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._slide = self._open()
        properties = self._slide.properties
        self.vendor = properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.sizes = tuple(self._slide.level_dimensions)
        self.downsamples = tuple(self._slide.level_downsamples)
        self.associated = tuple(sorted(self._slide.associated_images))
        self.objective = _positive(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        x, y = (_positive(properties.get(f"openslide.mpp-{axis}")) for axis in "xy")
        self.pixel_size = PixelSize(x or y or 0, y or x or 0, f"{self.vendor} metadata") if x or y else None
        if self.vendor == "aperio":  # the same rules as for an Aperio file that is read as TIFF
            description = properties.get(openslide.PROPERTY_NAME_COMMENT, "")
            self.pixel_size = aperio_pixel_size(description) or self.pixel_size
        bounds = [properties.get(f"openslide.bounds-{name}") for name in BOUNDS]
        x0, y0, width, height = (int(value) if value else 0 for value in bounds)
        self.bounds = (x0, y0, width, height) if width > 0 and height > 0 else None

    def _open(self) -> openslide.OpenSlide:
        try:
            return openslide.OpenSlide(str(self._path))
        except (openslide.OpenSlideError, OSError) as error:
            raise NusegError(
                f"{self._path}: damaged or incomplete, OpenSlide cannot open it ({error}); copy it again, with the "
                "files that belong to it"
            ) from error

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region; see `nuseg.io.reader.Reader`."""
        slide = self._slide
        try:
            pixels = np.asarray(slide.read_region((x, y), level, (width, height)))
        except openslide.OpenSlideError as error:
            with self._lock:
                if self._slide is slide:  # others may be reading from the old one, which its last user closes
                    self._slide = self._open()
            raise NusegError(str(error)) from error
        return to_rgb_uint8(pixels)

    def close(self) -> None:
        """Close the file."""
        self._slide.close()


def _positive(text: str | None) -> float | None:
    """Read a number; None where there is no positive one."""
    try:
        number = float(text or 0)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
