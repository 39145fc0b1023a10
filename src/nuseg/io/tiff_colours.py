"""What the stored values of a TIFF mean: its colours, alpha, palette and orientation."""

from pathlib import Path

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffPage

from nuseg.errors import NusegError

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


def check_colours(page: TiffPage, path: Path) -> None:
    """Refuse colours that cannot be brought to RGB.

    Raises
    ------
    NusegError
        Naming the colours.
    """
    unconverted = page.photometric == PHOTOMETRIC.YCBCR and page.compression not in DECODED_TO_RGB
    if unconverted or page.photometric not in (*GREY, *COLOUR):
        raise NusegError(
            f"{path}: {PHOTOMETRIC(page.photometric).name} colours, expected grey, palette or RGB; convert it to RGB"
        )
    if page.photometric == PHOTOMETRIC.PALETTE and (page.samplesperpixel != 1 or not len(palette(page))):
        raise NusegError(f"{path}: damaged, a picture of palette colours without its palette; copy or export it again")


def palette(page: TiffPage) -> np.ndarray:
    """The colour table, `(colours, 3)` uint8; empty where there is none."""
    if page.colormap is None:
        return np.zeros((0, 3), np.uint8)
    table = np.asarray(page.colormap, np.uint32).T
    # Some writers fill the 16-bit colour table with 8-bit values.
    return (table if table.max(initial=0) < 256 else (table + 128) // 257).astype(np.uint8)


def colours(stored: np.ndarray, page: TiffPage, path: Path) -> tuple[np.ndarray, bool]:
    """Return stored pixels as grey or RGB, with alpha if there is one, and whether the colours are multiplied by it."""
    if page.photometric == PHOTOMETRIC.PALETTE:
        return palette(page)[stored], False
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


def orientation(page: TiffPage) -> int:
    """The orientation tag, 1 to 8; 1 where it says nothing sensible."""
    stated = page.tags.valueof("Orientation", 1)
    return int(stated) if isinstance(stated, int) and 1 <= stated <= 8 else 1
