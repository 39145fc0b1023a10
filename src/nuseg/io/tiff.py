"""TIFF files of every usual kind, OME-TIFF and small Aperio SVS among them."""

import logging
import math
import warnings
from pathlib import Path

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffFile, TiffPage, TiffPageSeries

from nuseg.errors import NusegError
from nuseg.io.pixels import check_size, orient, to_rgb_uint8
from nuseg.io.resolution import PixelSize
from nuseg.io.tiff_metadata import pixel_size
from nuseg.io.tiff_whole import check_whole

# Classic TIFF and BigTIFF, of either byte order.
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
# The compressions whose decoder turns YCbCr into RGB.
DECODED_TO_RGB = (
    COMPRESSION.JPEG,
    COMPRESSION.OJPEG,
    COMPRESSION.APERIO_JP2000_YCBC,
    COMPRESSION.JPEG2000,
    COMPRESSION.WEBP,
)
COLOUR = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR, PHOTOMETRIC.PALETTE)

# What tifffile logs about a damaged file would be printed beside our own message.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def read_tiff(path: Path) -> tuple[np.ndarray, PixelSize | None]:
    """Read the first page (of a pyramid the full size, of a stack the first plane) of a TIFF file.

    A single-sample image of three channels (OME-TIFF's CYX) is taken as red, green and blue. Extra samples
    count as alpha only where the file says so.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pixels, size
        (h, w, 3) uint8 RGB, and what the file says about the size of its pixels.

    Warns
    -----
    UserWarning
        If further planes of a stack are left out.

    Raises
    ------
    NusegError
        If the file is damaged, cut short, too large, or has colours that cannot be brought to RGB.
    """
    try:
        with TiffFile(path) as tiff:
            series = tiff.series[0]
            page = series.keyframe
            check_whole(tiff, series, path)
            stored, left_out = _plane(series, page, path)
            pixels = to_rgb_uint8(*colours(stored, page, path), where=str(path))
            pixels = orient(pixels, page.tags.valueof("Orientation", 1))
            size = pixel_size(tiff)
    except NusegError:
        raise
    except MemoryError as error:
        raise NusegError(f"{path}: not enough memory to decode it; use a smaller image") from error
    except Exception as error:  # decoders meet damage with exceptions of every kind
        raise NusegError(
            f"{path}: damaged, cut short or of an unknown kind, cannot be decoded as TIFF ({error}); "
            "copy it again or export it as a plain RGB TIFF"
        ) from error
    if left_out:
        warnings.warn(f"{path}: only the first plane is read, {left_out} left out", UserWarning, stacklevel=3)
    return pixels, size


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


def colours(stored: np.ndarray, page: TiffPage, path: Path) -> tuple[np.ndarray, bool]:
    """Return stored pixels as grey or RGB, with alpha if there is one, and whether the colours are multiplied by it."""
    unconverted = page.photometric == PHOTOMETRIC.YCBCR and page.compression not in DECODED_TO_RGB
    if unconverted or page.photometric not in (*GREY, *COLOUR):
        raise NusegError(
            f"{path}: {PHOTOMETRIC(page.photometric).name} colours, expected grey, palette or RGB; convert it to RGB"
        )
    if page.photometric == PHOTOMETRIC.PALETTE:
        table = np.asarray(page.colormap).T
        # Some writers fill the 16-bit colour table with 8-bit values.
        table = table if table.max() < 256 else (table.astype(np.uint32) + 128) // 257
        return table.astype(np.uint8)[stored], False
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        stored = ~stored if stored.dtype.kind in "bu" else stored.max() - stored
    if stored.ndim == 2:
        return stored, False
    channels = stored.shape[2]
    colours = 3 if channels == 3 or page.photometric in COLOUR else 1
    extra = page.extrasamples[0] if page.extrasamples else EXTRASAMPLE.UNSPECIFIED
    has_alpha = channels > colours and extra != EXTRASAMPLE.UNSPECIFIED
    if channels > colours + has_alpha and colours == 1:
        raise NusegError(
            f"{path}: {channels} separate channels, expected 1 (grey) or 3 (red, green, blue); "
            "this looks like a fluorescence image, and nuseg reads H&E"
        )
    return stored[..., : colours + has_alpha], extra == EXTRASAMPLE.ASSOCALPHA
