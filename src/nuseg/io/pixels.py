"""Pixels of every usual kind brought to RGB uint8, by rules that are stated here and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.types import RGB

# A decoded image of this size takes 3 GB; a file that claims more is a slide, or made to exhaust the memory.
MAX_PIXELS = 1_000_000_000
# Depths at which cameras deliver; whole-number data count as the smallest that holds their largest value.
BIT_DEPTHS = (8, 10, 12, 14, 16)
# Interpolation overshoots: floats may leave their range by this share and are clipped.
FLOAT_SLACK = 0.01


def check_size(width: int, height: int, where: str) -> None:
    """Refuse an image without pixels, or with more than `MAX_PIXELS`, before memory is spent on it.

    Raises
    ------
    NusegError
        Naming the size and the limit.
    """
    if width < 1 or height < 1:
        raise NusegError(f"{where}: an image of {width} x {height} pixels holds nothing; export it again")
    if width * height > MAX_PIXELS:
        raise NusegError(
            f"{where}: {width} x {height} pixels ({width * height / 1e6:,.0f} megapixels) are more than the "
            f"limit of {MAX_PIXELS / 1e6:,.0f} megapixels for one image; export only the region of interest"
        )


@dataclass(frozen=True)
class Depth:
    """The full scale of stored values: what becomes 255, of the colours and of alpha.

    Where a picture is read part by part, it has to be known of the whole first; see `measure_depth`.
    """

    colour: float
    alpha: float


def to_rgb_uint8(
    array: np.ndarray, premultiplied: bool = False, where: str = "image", depth: Depth | None = None
) -> RGB:
    """Bring an array of pixels to RGB uint8.

    Channels, by the last axis:

    - none or 1: grey, repeated thrice;
    - 2: grey and alpha; 4: RGB and alpha; laid over white, which is the glass of a slide;
    - 3: RGB.

    Values, by the type:

    - bool: False is 0, True is 255;
    - uint8: kept;
    - other whole numbers: the depth is the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value
      of the colours (alpha has a depth of its own); values are scaled from that depth to 0..255 and rounded.
      So true 16-bit data and 8- or 12-bit data kept in 16 bits all come out right, because a bright-field
      image always has pixels near full scale (the glass);
    - float: 0..1 is scaled by 255, 0..255 is kept; both are rounded, and values up to 1 % outside are
      clipped.

    Parameters
    ----------
    array
        (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4).
    premultiplied
        Whether the colours were already multiplied by alpha.
    where
        The file or variable that messages begin with.
    depth
        Full scale of the values, where `array` is a part of a picture; default: what `array` itself tells.

    Returns
    -------
    np.ndarray
        (h, w, 3) uint8, C-contiguous; `array` itself where nothing had to be done.

    Raises
    ------
    NusegError
        For other shapes and types, no pixels, NaN or infinity, negative values, whole numbers above 65535,
        floats above 255.
    """
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        shape = " x ".join(map(str, array.shape))
        raise NusegError(
            f"{where}: pixels of shape {shape}, expected height x width (x 1 to 4 channels); "
            "move the channels to the last axis and keep one picture"
        )
    check_size(array.shape[1], array.shape[0], where)
    full = None if depth is None else depth.colour
    if array.shape[2] in (1, 3):
        return _three_channels(_to_uint8(array, where, full))
    if array.shape[2] == 4 and array.dtype == np.uint8:
        colour = np.asarray(cv2.cvtColor(array, cv2.COLOR_RGBA2RGB))  # many times faster than numpy
    else:
        colour = _three_channels(_to_uint8(array[..., :-1], where, full))
    alpha = _to_uint8(array[..., -1:], where, None if depth is None else depth.alpha)
    return _over_white(colour, alpha, premultiplied)


def measure_depth(parts: Iterable[np.ndarray], where: str = "image") -> Depth:
    """Find the full scale of a picture that comes in parts `(h, w, channels)` of one type; see `to_rgb_uint8`.

    Raises
    ------
    NusegError
        Values are out of range, or no numbers.
    """
    ranges: dict[str, tuple[float, float]] = {}
    dtype = np.dtype(np.uint8)
    for part in parts:
        dtype = part.dtype
        split = -1 if part.shape[2] in (2, 4) else part.shape[2]
        for name, values in (("colour", part[..., :split]), ("alpha", part[..., split:])):
            if values.size:
                low, high = ranges.get(name, (np.inf, -np.inf))
                ranges[name] = float(np.minimum(low, values.min())), float(np.maximum(high, values.max()))  # NaN stays
    full = {name: full_scale(low, high, dtype, where) for name, (low, high) in ranges.items()}
    return Depth(full.get("colour", 255.0), full.get("alpha", 255.0))


def full_scale(low: float, high: float, dtype: np.dtype[Any], where: str) -> float:
    """Say which stored value is 255, by the type of the values and their range; see `to_rgb_uint8`."""
    if dtype == np.uint8 or dtype == np.bool_:
        return 255.0
    if np.issubdtype(dtype, np.integer):
        if low < 0 or high > 65535:
            raise NusegError(
                f"{where}: pixel values from {int(low)} to {int(high)}, expected 0 to 65535 for {dtype}; "
                "rescale them to 0 to 255"
            )
        return float(next(2**depth - 1 for depth in BIT_DEPTHS if high < 2**depth))
    if not np.issubdtype(dtype, np.floating):
        raise NusegError(f"{where}: pixels of type {dtype}, expected whole numbers, floats or bool; convert them")
    if not np.isfinite([low, high]).all():
        raise NusegError(
            f"{where}: NaN or infinite pixel values, expected numbers from 0 to 1 or 0 to 255; replace them"
        )
    full = 1.0 if high <= 1 + FLOAT_SLACK else 255.0
    if low < -FLOAT_SLACK * full or high > (1 + FLOAT_SLACK) * full:
        raise NusegError(
            f"{where}: pixel values from {low:g} to {high:g}, expected 0 to 1 or 0 to 255 for {dtype}; rescale them"
        )
    return full


def _three_channels(array: np.ndarray) -> np.ndarray:
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else np.ascontiguousarray(array)


def _over_white(colour: np.ndarray, alpha: np.ndarray, premultiplied: bool) -> np.ndarray:
    if (alpha == 255).all():
        return colour
    wide = alpha.astype(np.uint16)
    if premultiplied:
        return np.minimum(colour + (255 - wide), 255).astype(np.uint8)
    return ((colour * wide + 255 * (255 - wide) + 127) // 255).astype(np.uint8)


def _to_uint8(values: np.ndarray, where: str, full: float | None = None) -> RGB:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if full is None:
        # Only numbers have a range; `full_scale` refuses the other types.
        low, high = (values.min(), values.max()) if values.dtype.kind in "iuf" else (0, 0)
        full = full_scale(low, high, values.dtype, where)
    if np.issubdtype(values.dtype, np.integer):
        scaled = values.astype(np.uint32)
        scaled *= 255
        scaled += int(full) // 2
        scaled //= int(full)
        return scaled.astype(np.uint8)
    rounded: RGB = np.rint(np.clip(values.astype(np.float32) * np.float32(255 / full), 0, 255)).astype(np.uint8)
    return rounded


def orient(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn pixels upright by the EXIF or TIFF orientation tag (1 to 8; anything else counts as 1, upright).

    Parameters
    ----------
    array
        (h, w) or (h, w, c).
    orientation
        What the first row and first column of the stored pixels are in the upright picture.
    """
    if orientation in (2, 3):
        array = array[:, ::-1]
    if orientation in (3, 4):
        array = array[::-1]
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
        if orientation in (6, 7):
            array = array[:, ::-1]
        if orientation in (7, 8):
            array = array[::-1]
    return np.ascontiguousarray(array)
