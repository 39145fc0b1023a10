"""TIFF files of every usual kind, OME-TIFF and small Aperio SVS among them."""

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import TiffFile, TiffPage, TiffPageSeries

from nuseg.errors import NusegError
from nuseg.io.ome import WrongMetadata, check_ome
from nuseg.io.pixels import check_size, orient, to_rgb_uint8
from nuseg.io.reader import ArrayReader, Reader
from nuseg.io.tiff_colours import GREY, check_colours, colours, orientation
from nuseg.io.tiff_metadata import pixel_size
from nuseg.io.tiff_reader import TiffReader, is_readable_by_block
from nuseg.io.tiff_whole import check_whole
from nuseg.text import in_short
from nuseg.types import RGB

# Classic TIFF and BigTIFF, of either byte order.
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_LISTED = 3  # pictures named in a note
# Whose descriptions tifffile believes; without them a file is a row of pictures.
DIALECTS = """ome imagej shaped lsm mmstack ndtiff fluoview stk sis svs scn qpi ndpi bif avs eer philips scanimage nih
mdgel uniform"""
PLAIN: dict[str, Any] = {f"is_{dialect}": False for dialect in DIALECTS.split()}

# What tifffile logs about a damaged file would be printed beside our own message.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def open_tiff(path: Path, notes: tuple[str, ...] = ()) -> Reader:
    """Open a TIFF: read block by block where its layout allows, else decoded as a whole.

    Of a file with several pictures the largest is taken, of a stack the first plane; a note names what is left out.
    A single-sample image of three channels (OME-TIFF's CYX) is taken as red, green and blue. Extra samples count as
    alpha only where the file says so. Metadata that cannot be true are left out with a note.

    Parameters
    ----------
    path
        The file; `nuseg.io.tiff_layout.check_layout` has found nothing wrong with it.
    notes
        What is known of it already.

    Raises
    ------
    NusegError
        If the file is damaged, cut short, too large, or has colours that cannot be brought to RGB.
    """
    with decoding(path), ExitStack() as opened:
        tiff, wrong = described(path)
        opened.callback(tiff.close)
        series, others = main_series(tiff, path)
        notes = (*notes, *wrong, *others)
        check_colours(series.keyframe, path)
        if is_readable_by_block(series):
            by_block = TiffReader(path, tiff, series, notes)
            if by_block.kind == "image":
                check_whole(tiff, series, path)
            opened.pop_all()  # it stays open
            return by_block
        pixels, left_out = read_whole(tiff, series, path)
        if left_out:
            notes = (*notes, f"{path}: only the first plane is read, {left_out} left out")
        return ArrayReader(pixels, pixel_size(tiff, series), "tiff", notes)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into a `NusegError`: they meet damage with exceptions of every kind."""
    try:
        yield
    except NusegError:
        raise
    except MemoryError as error:
        raise NusegError(f"{path}: not enough memory to decode it; use a smaller image") from error
    except Exception as error:
        raise NusegError(
            f"{path}: damaged, cut short or of an unknown kind, cannot be decoded as TIFF ({in_short(error)}); "
            "copy it again or export it as a plain RGB TIFF"
        ) from error


def described(path: Path) -> tuple[TiffFile, tuple[str, ...]]:
    """Open a file with its pictures as its metadata describe them, or without these, and a note, where they are wrong.

    Raises
    ------
    Exception
        Of every kind, where it is no TIFF.
    """
    tiff = TiffFile(path)
    try:
        check_ome(tiff, path)
        if not tiff.series:
            raise WrongMetadata("it describes no picture")
    except NusegError:
        tiff.close()
        raise
    except Exception as error:
        tiff.close()
        plain = TiffFile(path, **PLAIN)
        return plain, (f"{path}: its description is wrong and left out ({in_short(error)})",)
    return tiff, ()


def main_series(tiff: TiffFile, path: Path) -> tuple[TiffPageSeries, tuple[str, ...]]:
    """Choose the largest picture of a file, and say which others there are."""
    pictures = [series for series in tiff.series if {"X", "Y"} <= set(series.axes)]
    if not pictures:
        raise NusegError(
            f"{path}: damaged or no image, holds no picture, expected a TIFF image; copy or export it again"
        )

    def size(series: TiffPageSeries) -> tuple[int, int]:
        return int(series.keyframe.imagewidth), int(series.keyframe.imagelength)

    chosen = max(pictures, key=lambda series: size(series)[0] * size(series)[1])
    others = [
        f"{series.name or 'unnamed'} ({size(series)[0]} x {size(series)[1]} px)"
        for series in pictures
        if series is not chosen
    ]
    if not others:
        return chosen, ()
    width, height = size(chosen)
    listed = ", ".join(others[:MAX_LISTED]) + (f" and {len(others) - MAX_LISTED} more" if others[MAX_LISTED:] else "")
    return chosen, (f"{path}: the largest picture ({width} x {height} px) is read; left out: {listed}",)


def read_whole(tiff: TiffFile, series: TiffPageSeries, path: Path) -> tuple[RGB, int]:
    """Decode a picture at once: `(h, w, 3)` uint8, and how many planes are left out."""
    check_whole(tiff, series, path)
    page = series.keyframe
    stored, left_out = _plane(series, page, path)
    pixels = to_rgb_uint8(*colours(stored, page, path), where=str(path))
    return orient(pixels, orientation(page)), left_out


def _plane(series: TiffPageSeries, page: TiffPage, path: Path) -> tuple[np.ndarray, int]:
    """Return one picture as stored, (h, w) or (h, w, samples), and how many planes are left out."""
    axes, length = series.axes, dict(zip(series.axes, series.shape, strict=True))
    channels = "S" if "S" in axes else "C" if "C" in axes and page.photometric in GREY else ""
    others = [position for position, axis in enumerate(axes) if axis not in f"YX{channels}"]
    planes = math.prod(series.shape[position] for position in others)
    check_size(length["X"], length["Y"] * planes, f"{path}: with its {planes} planes" if planes > 1 else str(path))
    stored = series.asarray()
    for position in reversed(others):
        stored = stored.take(0, position)
    kept = [axis for axis in axes if axis in f"YX{channels}"]
    return stored.transpose([kept.index(axis) for axis in f"YX{channels}"]), planes - 1
