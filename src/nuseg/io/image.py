"""Images: one class, one way to read them from any file, one way to write them."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.find import IMAGE_SUFFIXES, SLIDE_SUFFIXES, find_images
from nuseg.io.pixels import to_rgb_uint8
from nuseg.io.raster import RASTER_FORMATS, read_raster
from nuseg.io.resolution import judge
from nuseg.io.tiff import TIFF_SIGNATURES, read_tiff

__all__ = ["IMAGE_SUFFIXES", "Image", "find_images", "read_image", "to_rgb_uint8", "write_png"]

# Formats that users meet and this version does not read: (position, signature, name).
FOREIGN_FORMATS = (
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (4, b"ftyp", "a HEIC, AVIF or video file"),
    (0, b"%PDF", "a PDF document"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"PK\x03\x04", "a ZIP archive or Office document"),
)
SIGNATURE_BYTES = 132


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with their resolution.

    Attributes
    ----------
    pixels
        (h, w, 3) uint8 RGB.
    mpp
        Micrometres per pixel as the file's metadata give it, plausible; None where it gives none that can be
        used.
    mpp_source
        The metadata field that `mpp` comes from, in words.
    path
        The file, where there is one.
    mpp_problem
        Why the metadata's resolution cannot be used (implausible, or pixels that are not square);
        `nuseg.io.resolution.resolve_mpp` raises it unless the user gives a resolution.
    """

    pixels: np.ndarray
    mpp: float | None = None
    mpp_source: str | None = None
    path: Path | None = None
    mpp_problem: str | None = None

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        resolution = f"{self.mpp:g} um/px ({self.mpp_source})" if self.mpp else "no resolution"
        return f"Image({width} x {height} pixels, {resolution}, {self.path or 'no file'})"


def read_image(path: str | Path) -> Image:
    """Read a PNG, JPEG, TIFF or BMP image as RGB uint8, with its resolution.

    The format is told by the content, not by the suffix. Every kind of pixel (grey, palette, alpha, 16 bits,
    float) is brought to RGB uint8 by the rules of `nuseg.io.pixels.to_rgb_uint8`. The picture is turned
    upright where the file says how (EXIF or TIFF orientation); embedded colour profiles are not applied. Of a
    TIFF with several pages or levels the first page at full size is read. Aperio's SVS files are TIFFs, and
    small ones can be read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Image
        With ``mpp`` from OME-XML, ImageJ's or Aperio's description, the TIFF resolution tags, PNG's pHYs, or
        JPEG's or BMP's density, where they hold a plausible value. Use `nuseg.io.resolution.resolve_mpp` to
        settle the resolution together with the user's value.

    Raises
    ------
    NusegError
        If the file is missing, a folder, unreadable, empty, not an image, of a kind that is not read, damaged
        or cut short, or larger than 1000 megapixels.

    Examples
    --------
    >>> image = nuseg.read_image("region.tif")  # doctest: +SKIP
    >>> image.pixels.shape, image.mpp  # doctest: +SKIP
    ((1000, 1000, 3), 0.25)
    """
    path = Path(path).expanduser()
    head = read_head(path)
    is_tiff = head.startswith(TIFF_SIGNATURES)
    suffix = path.suffix.lower()
    if suffix in SLIDE_SUFFIXES and not (suffix == ".svs" and is_tiff):
        raise NusegError(
            f"{path}: a slide file ({suffix}), which is too large to be read as one image; segment it with "
            "`nuseg segment`, read it with nuseg.open_slide, or export a region as PNG or TIFF"
        )
    if is_tiff:
        pixels, size = read_tiff(path)
    else:
        for signature, image_class in RASTER_FORMATS.items():
            if head.startswith(signature):
                pixels, size = read_raster(path, image_class)
                break
        else:
            raise NusegError(_not_an_image(path, head))
    resolution, problem = judge(size, path)
    if resolution is None:
        return Image(pixels, path=path, mpp_problem=problem)
    return Image(pixels, resolution.mpp, resolution.source, path)


def write_png(path: str | Path, array: np.ndarray) -> None:
    """Write a PNG that appears under its name only when it is whole.

    Parameters
    ----------
    path
        The file; its folder is created if needed, an older file is replaced.
    array
        (h, w, 3) uint8 RGB, (h, w) uint8 grey or 0/255 mask, or (h, w) uint16 grey or label image.

    Raises
    ------
    NusegError
        If the file cannot be written.
    ValueError
        For other shapes and types.
    """
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    if not grey and not (array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8):
        raise ValueError(f"a PNG needs (h, w) uint8 or uint16, or (h, w, 3) uint8; got {array.shape} {array.dtype}")
    stored = array if grey else array[..., ::-1]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(stored))
    if not done:
        raise NusegError(f"{path}: cannot be encoded as PNG ({array.shape[1]} x {array.shape[0]} pixels)")
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(encoded.tobytes())


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, or say why there are none."""
    try:
        if path.is_dir():
            raise NusegError(f"{path}: a folder, expected an image file; name the files in it")
        if path.exists() and not path.is_file():
            raise NusegError(f"{path}: not a regular file, expected an image file")
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
    except FileNotFoundError as error:
        raise NusegError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NusegError(f"{path}: cannot be opened ({reason}); check the path and its permissions") from error
    if not head:
        raise NusegError(f"{path}: an empty file (0 bytes), expected an image; copy or export it again")
    return head


def _not_an_image(path: Path, head: bytes) -> str:
    found = "something else"
    for position, signature, name in FOREIGN_FORMATS:
        if head[position:].startswith(signature):
            found = name
    return f"{path}: expected a PNG, JPEG, TIFF or BMP image, found {found}; convert it to PNG or TIFF"
