"""Pixels that a program holds: arrays of NumPy and of others, and pictures of Pillow."""

import math
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow

from nuseg.errors import NusegError
from nuseg.io.pixels import to_rgb_uint8
from nuseg.io.reader import ArrayReader, Kind, Reader
from nuseg.text import in_short
from nuseg.types import RGB

# Modes of Pillow: what its arrays hold already, and what it brings to RGB by the rules of JPEG and HSV.
AS_THEY_ARE = ("1", "L", "LA", "RGB", "RGBA", "La", "RGBa", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")
TO_RGB = ("RGBX", "YCbCr", "HSV")
PREMULTIPLIED = ("La", "RGBa")


class Pixels(Protocol):
    """An array of NumPy, or what behaves like one."""

    @property
    def shape(self) -> Any: ...

    @property
    def dtype(self) -> Any: ...

    def __getitem__(self, where: Any, /) -> Any: ...


def read_pixels(given: Any) -> Reader:
    """Take pixels that are no file.

    Parameters
    ----------
    given : array or picture
        A picture of Pillow, as it is shown; an array as `to_rgb_uint8` takes it; or what behaves like one, such as an
        array of dask or zarr: of uint8 it is read part by part, as parts are needed.

    Raises
    ------
    NusegError
        It is none of them, or holds colours or values that cannot be brought to RGB.
    """
    if isinstance(given, Pillow.Image):
        return ArrayReader(picture_pixels(given))
    if not isinstance(given, np.ndarray) and is_lazy(given):
        return LazyReader(given)
    try:
        array = np.asarray(given)
    except Exception as error:  # anything may be given, and raise anything
        raise NusegError(unknown(given, in_short(error))) from error
    if array.ndim < 2 or array.dtype == object:
        raise NusegError(unknown(given, f"an array of {array.ndim} axes and type {array.dtype}"))
    return ArrayReader(to_rgb_uint8(array))


def unknown(given: object, found: str) -> str:
    """Say that something is no picture."""
    kind = type(given)
    return (
        f"image: expected a path, an array of pixels, a Pillow picture or a nuseg Image or Source, found "
        f"{kind.__module__}.{kind.__qualname__} ({found}); give the pixels as height x width x 3"
    )


def picture_pixels(picture: Pillow.Image) -> RGB:
    """Bring a picture of Pillow to RGB uint8, by its mode.

    Its colour table is applied, and transparency laid over white. An orientation in its metadata is not: Pillow does
    not show it either.

    Raises
    ------
    NusegError
        It has print or laboratory colours, or its file is damaged.
    """
    mode = picture.mode
    try:
        if mode in ("P", "PA") or (mode in ("L", "RGB") and "transparency" in picture.info):
            picture = picture.convert("RGBA")
        elif mode in TO_RGB:
            picture = picture.convert("RGB")
        elif mode not in AS_THEY_ARE:
            raise NusegError(
                f"image: a Pillow picture of mode {mode}, expected grey, palette or RGB; convert it to RGB with its "
                "colour profile first"
            )
        pixels = np.asarray(picture)
    except NusegError:
        raise
    except Exception as error:  # Pillow decodes only now, and meets damage with exceptions of every kind
        raise NusegError(f"image: a Pillow picture that cannot be decoded ({in_short(error)}); open it anew") from error
    return to_rgb_uint8(pixels, mode in PREMULTIPLIED)


def is_lazy(given: Any) -> bool:
    """Whether something is an array of uint8 pixels that gives its parts, and not one that lies in memory."""
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    return (
        isinstance(shape, tuple)
        and isinstance(dtype, np.dtype)
        and dtype == np.uint8
        and hasattr(given, "__getitem__")
        and all(not (isinstance(side, float) and math.isnan(side)) for side in shape)
        and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 2, 3, 4)))
        and min(shape) > 0
    )


class LazyReader(ArrayReader):
    """An array whose parts are computed or fetched when they are read."""

    kind: Kind = "image"

    def __init__(self, array: Any) -> None:
        self._array = array
        self.pixel_size, self.vendor, self.notes = None, "array", ()
        self.sizes = ((int(array.shape[1]), int(array.shape[0])),)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region; see `nuseg.io.reader.Reader`."""
        try:
            part = np.asarray(self._array[y : y + height, x : x + width])
        except Exception as error:  # of whatever computes or fetches it
            raise NusegError(f"the array cannot be read ({in_short(error)})") from error
        return to_rgb_uint8(part)
