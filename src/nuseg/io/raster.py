"""PNG, JPEG and BMP files."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from imagecodecs import png_decode
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from nuseg.errors import NusegError
from nuseg.io.embedded import ends_early, jpeg_claim, png_least_bytes, without_metadata
from nuseg.io.pixels import check_size, orient, to_rgb_uint8
from nuseg.io.reader import ArrayReader
from nuseg.io.resolution import PixelSize
from nuseg.text import in_short

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
RUN_LENGTH = 128  # px that one byte of a compressed BMP can become, at most
GIF_CODE = 2731  # and one of a GIF: 4096 px by a code of 12 bits
hearing = Lock()


def read_raster(path: Path, image_class: type[ImageFile]) -> ArrayReader:
    """Read a PNG, JPEG or BMP file.

    Metadata that cannot be read are left out with a note.

    Parameters
    ----------
    path
        The file.
    image_class
        Pillow's class for its format, from `RASTER_FORMATS`.

    Raises
    ------
    NusegError
        If the file is damaged, cut short, animated, too large, or in print colours (CMYK).
    """
    try:
        content = path.read_bytes()
        try:
            return _read(path, content, image_class)
        except NusegError:
            raise
        except Exception as error:  # decoders meet damage with exceptions of every kind
            bare = without_metadata(content)
            if bare == content or isinstance(error, MemoryError):
                raise
            note = f"{path}: its metadata are damaged and left out ({in_short(error)})"
            with suppress(Exception):
                return _read(path, bare, image_class, (note,))
            raise
    except NusegError:
        raise
    except MemoryError as error:
        raise NusegError(f"{path}: not enough memory to decode it; use a smaller image") from error
    except Exception as error:
        raise NusegError(
            f"{path}: damaged or cut short, cannot be decoded as an image ({in_short(error)}); copy or export it again"
        ) from error


def _read(path: Path, content: bytes, image_class: type[ImageFile], notes: tuple[str, ...] = ()) -> ArrayReader:
    with heard() as warned:
        picture = image_class(BytesIO(content))
    with picture:
        if picture.format == "PNG" and getattr(picture, "is_animated", False):
            raise NusegError(f"{path}: an animated PNG, expected one picture; export the frame you want")
        if picture.mode == "CMYK":
            raise NusegError(f"{path}: print colours (CMYK), expected RGB; convert the image to RGB")
        pixels = to_rgb_uint8(decode_picture(picture, content, str(path)), where=str(path))
        kind = str(picture.format)
        with heard() as warned_later:
            upright = orient(pixels, _orientation(picture, content))
    for text in [*warned, *warned_later][:1]:
        notes = (*notes, f"{path}: its metadata are damaged and left out ({text})")
    return ArrayReader(upright, _pixel_size(picture, kind), kind.lower(), notes)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what Pillow says about damaged metadata: it would be printed beside our own messages."""
    said: list[str] = []
    with hearing, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
        # Python tells at any time of files that others left open: that says nothing of this one.
        said += [in_short(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


def decode_picture(picture: ImageFile, content: bytes, where: str, palette: bool = True) -> np.ndarray:
    """Decode the pixels of an open picture: in little memory where its header lies, and all of them or none.

    Parameters
    ----------
    picture
        Opened by Pillow, not decoded yet.
    content
        All bytes of the file.
    where
        The file, for messages.
    palette
        Whether a colour table is applied, else its indices are returned.

    Returns
    -------
    (h, w) or (h, w, channels) array
        As the file stores them.

    Raises
    ------
    NusegError
        The picture is too large, or its header claims more than the file can hold, or its end is missing.
    """
    check_size(*picture.size, where)
    if least_bytes(picture, content) > len(content):
        raise NusegError(
            f"{where}: damaged or cut short, claims {picture.width} x {picture.height} px, more than its "
            f"{len(content):,} bytes can hold; copy or export it again"
        )
    if picture.format == "PNG" and not (picture.mode == "P" and not palette):
        # Pillow leaves rows black that a PNG lacks, and drops the low byte of 16-bit colours; libpng does neither.
        return np.asarray(png_decode(content))
    if picture.format == "PNG":
        png_decode(content)  # which tells whether rows are missing
    as_rgb = picture.mode == "CMYK" or (picture.mode == "P" and palette)
    pixels = np.array(picture.convert("RGB") if as_rgb else picture)
    if picture.format == "JPEG" and ends_early(content, pixels, _jpeg_pixels):
        raise NusegError(f"{where}: damaged or cut short, its lower end is missing; copy or export it again")
    return pixels


def least_bytes(picture: ImageFile, content: bytes) -> float:
    """How many bytes a picture takes at least in its format, by the size that its header claims."""
    pixels = picture.width * picture.height
    if picture.format == "PNG":
        return png_least_bytes(content)
    if picture.format == "JPEG":
        return jpeg_claim(content)[2]
    if picture.format == "BMP":
        return pixels / RUN_LENGTH if picture.info.get("compression") in (1, 2) else pixels / 8
    return pixels / GIF_CODE


def _jpeg_pixels(content: bytes) -> np.ndarray:
    with JpegImageFile(BytesIO(content)) as picture:
        return np.array(picture)


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
