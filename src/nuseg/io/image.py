"""Images: pixels with their resolution, and how PNGs are written."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.types import RGB, Integers


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
    notes
        What the user should know of how the file was read.
    """

    pixels: RGB
    mpp: float | None = None
    mpp_source: str | None = None
    path: Path | None = None
    mpp_problem: str | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        resolution = f"{self.mpp:g} um/px ({self.mpp_source})" if self.mpp else "no resolution"
        return f"Image({width} x {height} pixels, {resolution}, {self.path or 'no file'})"


def write_png(path: str | Path, array: RGB | Integers) -> None:
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
