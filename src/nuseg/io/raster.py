"""PNG, JPEG and BMP files."""

import math
from pathlib import Path

import numpy as np
from imagecodecs import png_decode
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from nuseg.errors import NusegError
from nuseg.io.pixels import check_size, orient, to_rgb_uint8
from nuseg.io.resolution import PixelSize
from nuseg.types import RGB

# The reader of each format by the bytes its files begin with. The classes are called directly, because
# PIL.Image.open has a size limit of its own that only a process-wide setting can lift.
RASTER_FORMATS: dict[bytes, type[ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"BM": BmpImageFile,
}
RESOLUTION_FIELDS = {"PNG": "PNG pHYs", "JPEG": "JPEG density", "BMP": "BMP pixels per metre"}
EXIF_ORIENTATION = 274
PNG_EXIF = (b"eXIf", b"Raw profile type exif")
UM_PER_INCH = 25400.0


def read_raster(path: Path, image_class: type[ImageFile]) -> tuple[RGB, PixelSize | None, str]:
    """Read a PNG, JPEG or BMP file.

    Parameters
    ----------
    path
        The file.
    image_class
        Pillow's class for its format, from `RASTER_FORMATS`.

    Returns
    -------
    pixels, size, kind
        (h, w, 3) uint8 RGB, what the file says about the size of its pixels, and the format: "png".

    Raises
    ------
    NusegError
        If the file is damaged, cut short, animated, too large, or in print colours (CMYK).
    """
    try:
        with path.open("rb") as file, image_class(file) as picture:
            check_size(*picture.size, str(path))
            if picture.format == "PNG" and getattr(picture, "is_animated", False):
                raise NusegError(f"{path}: an animated PNG, expected one picture; export the frame you want")
            if picture.mode == "CMYK":
                raise NusegError(f"{path}: print colours (CMYK), expected RGB; convert the image to RGB")
            content = path.read_bytes()
            pixels = to_rgb_uint8(_stored(picture, content), where=str(path))
            kind = str(picture.format)
            return orient(pixels, _orientation(picture, content)), _pixel_size(picture, kind), kind.lower()
    except NusegError:
        raise
    except MemoryError as error:
        raise NusegError(f"{path}: not enough memory to decode it; use a smaller image") from error
    except Exception as error:  # decoders meet damage with exceptions of every kind
        raise NusegError(
            f"{path}: damaged or cut short, cannot be decoded as an image ({error}); copy or export it again"
        ) from error


def _stored(picture: ImageFile, content: bytes) -> np.ndarray:
    """Return the pixels as the file stores them, palette and transparent colour applied."""
    if picture.format == "PNG":
        # Pillow leaves rows black that a PNG lacks, and drops the low byte of 16-bit colours; libpng does neither.
        return np.asarray(png_decode(content))
    return np.array(picture.convert("RGB") if picture.mode == "P" else picture)


def _orientation(picture: ImageFile, content: bytes) -> int:
    # Pillow decodes a PNG without EXIF as a whole, to look for EXIF behind the pixels.
    if picture.format == "PNG" and not any(field in content for field in PNG_EXIF):
        return 1
    try:
        return int(picture.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # unreadable EXIF says nothing; the pixels are sound
        return 1


def _pixel_size(picture: ImageFile, kind: str) -> PixelSize | None:
    """What the file says about the size of its pixels; a field that makes no sense says nothing."""
    dots = picture.info.get("dpi")
    try:
        per_inch = [float(count) for count in dots] if dots is not None else []
    except (TypeError, ValueError, ArithmeticError):  # Exif keeps fractions, also those over 0
        return None
    if len(per_inch) != 2 or not all(math.isfinite(count) and count > 0 for count in per_inch):
        return None
    return PixelSize(UM_PER_INCH / per_inch[0], UM_PER_INCH / per_inch[1], RESOLUTION_FIELDS.get(kind, kind), True)
