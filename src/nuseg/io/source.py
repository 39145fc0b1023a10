"""Sources of pixels: one class over arrays, image files and whole-slide formats, read region by region."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.find import SLIDE_SUFFIXES
from nuseg.io.pixels import check_size
from nuseg.io.reader import MIN_SLIDE_PIXELS, Kind, Reader
from nuseg.io.resolution import Resolution, judge, resolve_mpp
from nuseg.text import in_short
from nuseg.types import RGB, Mask

UM_AT_1X = 10.0  # um/px of a scan with a 1x objective, by the scanners' convention
FAR_FROM_USUAL = 0.25  # scanners differ by up to a tenth or so from what is usual for the objective
OVERVIEW_REGION = 2048  # px of level 0 that are brought to thumbnail size at once
OVERVIEW_THREADS = 4  # decoding takes nearly all of the time, where there is no small level


@dataclass(frozen=True)
class Level:
    """A level of the pyramid: its size (px), and how many px of level 0 a side of its pixels has."""

    width: int
    height: int
    downsample: float


class Source:
    """An image or a slide, read region by region.

    A context manager; many threads may read; pickled as its path, or with its pixels where it has none.

    Attributes
    ----------
    path : Path, optional
        The file; None for an array.
    kind : "image" or "slide"
        A slide is what a scanner's format, a pyramid or a TIFF of more than 25 megapixels holds. Of a slide damaged
        parts are left out with a note; a damaged image is an error.
    width, height : int
        Of level 0 (px). Where the file says which part of it was scanned (`openslide.bounds-*`), this part is the
        slide and coordinates count from its corner, as in QuPath.
    origin : tuple of int
        x, y of this corner in the file's level 0 (px).
    levels : tuple of Level
        From the finest.
    mpp, mpp_source, mpp_problem
        The resolution that the file states (um/px), the field, why it cannot be used.
    objective : float, optional
        Magnification of the objective, where stated.
    vendor : str
        The format, as OpenSlide calls it, or "tiff", "ome-tiff", "png", "array" ...
    associated : tuple of str
        Names of further pictures in the file, such as label and macro.
    notes : tuple of str
        What the user should know of how the file was read.
    """

    def __init__(self, path: Path | None, reader: Reader, reopen: "Callable[[Path], Source] | None" = None) -> None:
        """Make a source of an open reader; `reopen` opens the file again in another process."""
        self.path, self._reader, self._reopen = path, reader, reopen
        x, y, self.width, self.height = reader.bounds or (0, 0, *reader.sizes[0])
        self.origin = x, y
        sizes = reader.sizes
        if reader.bounds:
            sizes = tuple((max(1, round(self.width / f)), max(1, round(self.height / f))) for f in reader.downsamples)
        self.levels = tuple(Level(*size, factor) for size, factor in zip(sizes, reader.downsamples, strict=True))
        resolution, self.mpp_problem = judge(reader.pixel_size, path)
        self.mpp = resolution.mpp if resolution else None
        self.mpp_source = resolution.source if resolution else None
        fault = reader.pixel_size.fault if reader.pixel_size else ""
        self.objective = reader.objective
        self.notes = (*reader.notes, *([f"{self.where}: {fault} is no resolution: left out"] if fault else []))
        self.vendor, self.associated, self.bounded = reader.vendor, reader.associated, reader.bounds is not None
        self.kind: Kind = kind_of(path, reader)

    @property
    def name(self) -> str:
        """Name without folder and suffix; "image" for an array."""
        return self.path.stem if self.path is not None else "image"

    @property
    def where(self) -> str:
        """What messages call it: the path, or "image"."""
        return str(self.path) if self.path is not None else "image"

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
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
            RGB; white outside the source, where it is transparent, and where nothing was scanned. Not to be changed.

        Raises
        ------
        NusegError
            The region is damaged; says where it lies in px of level 0.
        """
        x, y, width, height = (int(value) for value in (x, y, width, height))  # NumPy's numbers are no JSON
        size, factor = self.levels[level], self.levels[level].downsample
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, size.width), min(y + height, size.height)
        if left >= right or top >= bottom:
            return np.full((height, width, 3), 255, np.uint8)
        at_x, at_y = round(left * factor), round(top * factor)
        try:
            read = self._reader.read(level, self.origin[0] + at_x, self.origin[1] + at_y, right - left, bottom - top)
        except MemoryError:
            raise
        except Exception as error:  # decoders meet damage with exceptions of every kind
            found = str(error) if isinstance(error, NusegError) else in_short(error)
            raise NusegError(
                f"{self.where}: damaged at x {at_x}, y {at_y} px (level {level}, {right - left} x {bottom - top} px): "
                f"{found}"
            ) from error
        if read.shape[:2] == (height, width):
            return read
        pixels = np.full((height, width, 3), 255, np.uint8)
        pixels[top - y : bottom - y, left - x : right - x] = read
        return pixels

    def read_whole(self) -> RGB:
        """Read all of level 0, `(height, width, 3)` uint8 RGB.

        Raises
        ------
        NusegError
            It has more than 1000 megapixels, or is damaged.
        """
        check_size(self.width, self.height, self.where)
        return self.read(0, 0, 0, self.width, self.height)

    def thumbnail(self, side: int) -> RGB:
        """Make the whole picture small, `(h, w, 3)` uint8 RGB with a longer side of at most `side` px."""
        return self.overview(side)[0]

    def overview(self, side: int) -> tuple[RGB, Mask]:
        """Make the whole picture small, part by part in little memory, also where there is no small level.

        Up to 25 megapixels it is made of level 0, so that it is the same whatever levels the file has.

        Returns
        -------
        pixels : (h, w, 3) uint8
            RGB; white where the file is damaged.
        unreadable : (h, w) bool
            Where that is.
        """
        (height, width), factor = overview_shape(self.width, self.height, side)
        pixels, unreadable = np.full((height, width, 3), 255, np.uint8), np.zeros((height, width), bool)
        best = max(i for i, level in enumerate(self.levels) if i == 0 or level.downsample <= factor)
        if self.width * self.height <= MIN_SLIDE_PIXELS:
            best = 0
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

    def _shrunk(self, best: int, part: tuple[slice, slice], factor: float) -> RGB | None:
        """Read a part of an overview from level `best`, or where that is damaged from a finer one, else a coarser."""
        rows, columns = part
        for number in (*range(best, -1, -1), *range(best + 1, len(self.levels))):
            scale = factor / self.levels[number].downsample
            y, x = round(rows.start * scale), round(columns.start * scale)
            height, width = (max(1, round(side.stop * scale) - round(side.start * scale)) for side in part)
            try:
                region = self.read(number, x, y, width, height)
            except NusegError:
                continue
            size = columns.stop - columns.start, rows.stop - rows.start
            return np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_AREA), np.uint8)
        return None

    def resolution(self, mpp: float | None = None) -> Resolution:
        """Settle the resolution of level 0: the user's value, the file's, the objective's, or the default.

        Parameters
        ----------
        mpp : float, optional
            The user's value (um/px).

        Returns
        -------
        Resolution
            With a note where it was assumed, or a given one contradicts the file.

        Raises
        ------
        NusegError
            The value is implausible.
        """
        stated = self.mpp is not None or self.mpp_problem is not None
        if mpp is None and not stated and self.objective:
            usual = UM_AT_1X / self.objective
            note = (
                f"{self.where}: no resolution in the file, {usual:g} um/px assumed, usual for its {self.objective:g}x "
                "objective; give the right one with mpp="
            )
            return Resolution(resolve_mpp(self, usual).mpp, f"{self.objective:g}x objective", note)
        settled = resolve_mpp(self, mpp)
        if mpp is not None and not stated and self.objective:
            return replace(settled, note=self._beside_objective(settled.mpp, UM_AT_1X / self.objective))
        return settled

    def _beside_objective(self, mpp: float, usual: float) -> str:
        """Say that a given resolution is far from what is usual for the objective."""
        if abs(mpp - usual) / usual < FAR_FROM_USUAL:
            return ""
        return (
            f"{self.where}: {usual:.4g} um/px is usual for its {self.objective:g}x objective, but mpp= says {mpp:.4g}, "
            "which was taken; check it"
        )

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._reopen is not None:
            return self._reopen, (self.path,)
        return Source, (self.path, self._reader)

    def __repr__(self) -> str:
        return (
            f"Source({self.kind}, {self.width} x {self.height} px, {len(self.levels)} levels, {self.vendor}, "
            f"{self.path or 'no file'})"
        )


def kind_of(path: Path | None, reader: Reader) -> Kind:
    """Say whether a file is a slide: by its suffix, its format, its levels or its size; see `Source`."""
    by_name = path is not None and path.suffix.lower() in SLIDE_SUFFIXES
    return "slide" if by_name or reader.kind == "slide" else "image"


def overview_shape(width: int, height: int, side: int) -> tuple[tuple[int, int], float]:
    """Height and width (px) of an overview whose longer side has at most `side` px, and how many px one of it spans."""
    longest = max(width, height)
    factor = longest / min(side, longest)
    return (max(1, round(height / factor)), max(1, round(width / factor))), factor
