"""Slides: one class over every whole-slide format, read region by region."""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.find import SLIDE_SUFFIXES
from nuseg.io.image import read_head
from nuseg.io.openslide_reader import PLAIN, OpenSlideReader, detect_vendor
from nuseg.io.resolution import PixelSize, Resolution, judge, resolve_mpp
from nuseg.io.tiff import TIFF_SIGNATURES
from nuseg.io.tiff_reader import TiffReader, is_ome

MIN_SLIDE_PIXELS = 25_000_000  # a plain TIFF of more is read region by region
UM_AT_1X = 10.0  # um/px of a scan with a 1x objective, by the scanners' convention
OVERVIEW_REGION = 2048  # px of level 0 that are brought to thumbnail size at once
OVERVIEW_THREADS = 4  # decoding takes nearly all of the time, where there is no small level


class Reader(Protocol):
    """What a format has to offer; all in pixels of the whole file, from its upper left corner."""

    vendor: str
    sizes: tuple[tuple[int, int], ...]  # width, height of each level
    downsamples: tuple[float, ...]
    bounds: tuple[int, int, int, int] | None  # x, y, width, height of what was scanned, in px of level 0
    pixel_size: PixelSize | None
    objective: float | None
    associated: tuple[str, ...]

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Read `(height, width, 3)` uint8 of `level`; `x`, `y` count px of level 0. White where nothing is."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Level:
    """A level of the pyramid: its size (px), and how many px of level 0 a side of its pixels has."""

    width: int
    height: int
    downsample: float


class Slide:
    """A whole-slide image. A context manager; many threads may read; pickled as its path.

    Attributes
    ----------
    path : Path
        The file.
    width, height : int
        Of level 0 (px). Where the file says which part of it was scanned (`openslide.bounds-*`), this part is the
        slide and coordinates count from its corner, as in QuPath.
    origin : tuple of int
        x, y of this corner in the file's level 0 (px).
    levels : tuple of Level
        From the finest.
    mpp, mpp_source, mpp_problem
        As those of `nuseg.io.image.Image`: the resolution that the file states, the field, why it cannot be used.
    objective : float, optional
        Magnification of the objective, where stated.
    vendor : str
        The format, as OpenSlide calls it, or "tiff" or "ome-tiff".
    associated : tuple of str
        Names of further pictures in the file, such as label and macro.
    """

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path, self._reader = path, reader
        x, y, self.width, self.height = reader.bounds or (0, 0, *reader.sizes[0])
        self.origin = x, y
        sizes = reader.sizes
        if reader.bounds:
            sizes = tuple((max(1, round(self.width / f)), max(1, round(self.height / f))) for f in reader.downsamples)
        self.levels = tuple(Level(*size, factor) for size, factor in zip(sizes, reader.downsamples, strict=True))
        resolution, self.mpp_problem = judge(reader.pixel_size, path)
        self.mpp = resolution.mpp if resolution else None
        self.mpp_source = resolution.source if resolution else None
        self.objective = reader.objective
        self.vendor, self.associated, self.bounded = reader.vendor, reader.associated, reader.bounds is not None

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Read a region.

        Parameters
        ----------
        level : int
            Of the pyramid.
        x, y, width, height : int
            Left, top and size in px of that level; may reach beyond it.

        Returns
        -------
        (height, width, 3) uint8
            RGB; white outside the slide, where it is transparent, and where nothing was scanned.

        Raises
        ------
        NusegError
            The region is damaged; says where it lies in px of level 0.
        """
        pixels = np.full((height, width, 3), 255, np.uint8)
        size, factor = self.levels[level], self.levels[level].downsample
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, size.width), min(y + height, size.height)
        if left >= right or top >= bottom:
            return pixels
        at_x, at_y = round(left * factor), round(top * factor)
        try:
            read = self._reader.read(level, self.origin[0] + at_x, self.origin[1] + at_y, right - left, bottom - top)
        except NusegError as error:
            raise NusegError(
                f"{self.path}: damaged at x {at_x}, y {at_y} px (level {level}, {right - left} x {bottom - top} px): "
                f"{error}"
            ) from error
        pixels[top - y : bottom - y, left - x : right - x] = read
        return pixels

    def thumbnail(self, side: int) -> np.ndarray:
        """Make the whole slide small, `(h, w, 3)` uint8 RGB with a longer side of at most `side` px."""
        return self.overview(side)[0]

    def overview(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Make the whole slide small, part by part in little memory, also where there is no small level.

        Returns
        -------
        pixels : (h, w, 3) uint8
            RGB; white where the file is damaged.
        unreadable : (h, w) bool
            Where that is.
        """
        factor = max(self.width, self.height) / min(side, max(self.width, self.height))
        height, width = (max(1, round(length / factor)) for length in (self.height, self.width))
        pixels, unreadable = np.full((height, width, 3), 255, np.uint8), np.zeros((height, width), bool)
        best = max(i for i, level in enumerate(self.levels) if i == 0 or level.downsample <= factor)
        step = max(1, int(OVERVIEW_REGION / factor))
        parts = [
            np.s_[top : min(top + step, height), left : min(left + step, width)]
            for top in range(0, height, step)
            for left in range(0, width, step)
        ]
        with ThreadPoolExecutor(min(OVERVIEW_THREADS, os.cpu_count() or 1)) as pool:
            for part, shrunk in zip(parts, pool.map(lambda part: self._shrunk(best, part, factor), parts), strict=True):
                if shrunk is None:
                    unreadable[part] = True
                else:
                    pixels[part] = shrunk
        return pixels, unreadable

    def _shrunk(self, best: int, part: tuple[slice, slice], factor: float) -> np.ndarray | None:
        """Read a part of an overview from level `best`, or from a finer one where that is damaged."""
        rows, columns = part
        for number in range(best, -1, -1):
            scale = factor / self.levels[number].downsample
            y, x = round(rows.start * scale), round(columns.start * scale)
            height, width = (max(1, round(side.stop * scale) - round(side.start * scale)) for side in part)
            try:
                region = self.read(number, x, y, width, height)
            except NusegError:
                continue
            size = columns.stop - columns.start, rows.stop - rows.start
            return cv2.resize(region, size, interpolation=cv2.INTER_AREA)
        return None

    def resolution(self, mpp: float | None = None) -> Resolution:
        """Settle the resolution of level 0: the user's value, the file's, the objective's, or the default.

        Warns
        -----
        UserWarning
            It was not stated, but follows from the objective, or is the default.

        Raises
        ------
        NusegError
            The value is implausible.
        """
        stated = self.mpp is not None or self.mpp_problem is not None
        if mpp is None and not stated and self.objective:
            usual = UM_AT_1X / self.objective
            warnings.warn(
                f"{self.path}: no resolution in the file, {usual:g} um/px assumed, usual for its {self.objective:g}x "
                "objective; give the right one with --mpp",
                UserWarning,
                stacklevel=2,
            )
            return Resolution(resolve_mpp(self, usual).mpp, f"{self.objective:g}x objective")
        return resolve_mpp(self, mpp)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> "Slide":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open_slide, (self.path,)

    def __repr__(self) -> str:
        return f"Slide({self.width} x {self.height} px, {len(self.levels)} levels, {self.vendor}, {self.path})"


def open_slide(path: str | Path) -> Slide:
    """Open a slide: by OpenSlide, or as an OME-TIFF or plain TIFF.

    Parameters
    ----------
    path
        The file. Formats of several files (MRXS, VMS, DICOM) are named by the one that OpenSlide asks for.

    Raises
    ------
    NusegError
        The file is missing, damaged, or no slide.
    """
    path = Path(path).expanduser()
    head, vendor = read_head(path), detect_vendor(path)
    # OpenSlide takes an OME-TIFF for a plain TIFF, and misses its levels and resolution.
    by_openslide = vendor is not None and not (vendor in PLAIN and is_ome(path))
    if by_openslide:
        return Slide(path, OpenSlideReader(path))
    tiff = TiffReader.open(path) if head.startswith(TIFF_SIGNATURES) else None
    if tiff is not None:
        return Slide(path, tiff)
    raise NusegError(f"{path}: no slide that can be read: expected a format of OpenSlide, or a TIFF of 8-bit RGB")


def is_slide(path: Path) -> bool:
    """Whether a file is read region by region as a slide, or whole as an image.

    A slide is what has the suffix of one, what OpenSlide knows as a scanner's format, and a TIFF with pyramid levels
    or more than 25 megapixels. What cannot be opened counts as an image, whose reader says what is wrong with it.
    """
    if path.suffix.lower() in SLIDE_SUFFIXES:
        return True
    try:
        if detect_vendor(path) not in (None, *PLAIN):
            return True
        if not read_head(path).startswith(TIFF_SIGNATURES):
            return False
        with open_slide(path) as slide:
            return len(slide.levels) > 1 or slide.width * slide.height > MIN_SLIDE_PIXELS
    except NusegError:
        return False
