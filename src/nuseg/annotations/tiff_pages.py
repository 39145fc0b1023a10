"""Annotations in TIFF: one picture, or a page for each nucleus."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from nuseg.annotations.bounds import check_claim
from nuseg.annotations.pages import join_pages
from nuseg.errors import NusegError
from nuseg.io.tiff import described
from nuseg.io.tiff_layout import check_layout
from nuseg.text import plural

MAX_PAGES = 20_000
MAX_STACK_PIXELS = 2_000_000_000  # of all pages, decoded one after the other

Content = tuple[np.ndarray, np.ndarray | None, bool, tuple[str, ...]]


def read_tiff(path: Path, shape: tuple[int, int] | None) -> Content:
    """Read the annotation in a TIFF: the largest of its pictures.

    Pages of one size that hold a mask each are one nucleus each; where two overlap the smaller one wins. Pages that are
    all the same count as one.

    Returns
    -------
    values, shown, indexed, notes
        See `nuseg.annotations.raster.Stored`.

    Raises
    ------
    NusegError
        Cut short, or pages that do not belong together. Other exceptions are damage.
    """
    check_layout(path)
    tiff, wrong = described(path)
    with tiff:
        count = len(tiff.pages)
        if count > MAX_PAGES:
            raise NusegError(f"{path}: expected at most {MAX_PAGES:,} pages, one for each nucleus, found {count:,}")
        pages = [page.aspage() for page in tiff.pages]
        largest = max(pages, key=lambda page: page.imagewidth * page.imagelength)
        same = [page for page in pages if page.shape == largest.shape and page.dtype == largest.dtype]
        others = count - len(same)
        notes = tuple(note.removeprefix(f"{path}: ") for note in wrong)
        notes += (f"the largest picture is read, {plural(others, 'page')} of another size left out",) if others else ()
        planes = _planes_of_one_page(tiff, path, shape) if count == 1 else None
        if planes is None and len(same) == 1:
            return *_one_page(largest, path, shape), notes
        planes = planes or (_one_page(page, path, shape)[0] for page in same)
        size = (largest.imagelength, largest.imagewidth)
        if shape is not None and size != tuple(shape):
            raise NusegError(
                f"{path}: the pages are {size[1]}x{size[0]} but the image is {shape[1]}x{shape[0]} (width x height); "
                "export them at the size of the image"
            )
        number = len(same) if count > 1 else math.prod(tiff.series[0].shape[:-2])
        if number * math.prod(size) > MAX_STACK_PIXELS:
            raise NusegError(f"{path}: {number:,} pages are too many to decode; export one label image")
        values, said = join_pages(planes, number, path)
        return values, None, False, notes + said


def _one_page(page: TiffPage, path: Path, shape: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Decode a page: its values (h, w) or (h, w, samples), what a viewer shows, whether it has a colour table."""
    if page.imagedepth != 1 or page.dtype is None:
        raise NusegError(f"{path}: expected a picture of whole numbers, found {page.imagedepth} planes in one page")
    size = math.prod(page.shape) * page.dtype.itemsize
    check_claim(path, size, (page.imagelength, page.imagewidth), shape)
    blocks = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    missing = sum(length == 0 or start + length > page.parent.filehandle.size for start, length in blocks)
    if missing or not blocks:
        raise NusegError(
            f"{path}: cut short, {missing or 'all'} of {len(blocks)} blocks of pixels are missing; export it again"
        )
    values = page.asarray()
    if page.axes.startswith("S"):
        values = np.moveaxis(values, 0, -1)
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        table = np.asarray(page.colormap).T
        return values, table[np.minimum(values, len(table) - 1)], True
    if page.photometric == PHOTOMETRIC.MINISWHITE and values.dtype.kind in "bu":
        return values, ~values, False
    return values, None, False


def _planes_of_one_page(tiff: TiffFile, path: Path, shape: tuple[int, int] | None) -> Iterator[np.ndarray] | None:
    """Give the planes that ImageJ and tifffile store behind a single page; None if there is one alone."""
    if not (tiff.is_imagej or tiff.is_shaped) or len(tiff.series) != 1:
        return None
    series = tiff.series[0]
    if len(series.shape) < 3 or series.axes.endswith("S") or series.size <= math.prod(tiff.pages.first.shape):
        return None
    check_claim(path, series.nbytes, series.shape[-2:], shape)
    if series.nbytes > tiff.filehandle.size:
        raise NusegError(f"{path}: cut short, planes are missing from the file; export it again")
    return iter(series.asarray().reshape(-1, *series.shape[-2:]))
