"""The stored values of an annotation that is a picture, before anyone says what they mean."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from nuseg.annotations.bounds import check_claim
from nuseg.annotations.pages import join_pages
from nuseg.annotations.tiff_pages import read_tiff
from nuseg.errors import NusegError
from nuseg.io.raster import RASTER_FORMATS, decode_picture
from nuseg.io.tiff import TIFF_SIGNATURES
from nuseg.text import in_short

ANNOTATION_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg", ".npy")
LOSSY_SUFFIXES = (".jpg", ".jpeg")  # hold masks at best: compression changes the numbers of nuclei
NUMPY_SIGNATURE = b"\x93NUMPY"
HEAD_BYTES = 8


@dataclass(frozen=True, eq=False)
class Stored:
    """What a picture file holds.

    Attributes
    ----------
    values : (h, w) or (h, w, channels) array
        As stored: of a file with a colour table the indices, of a TIFF with one nucleus per page a label image.
    shown : (h, w) or (h, w, 3) array, or None
        What a viewer shows, where that is something else: the colours of the table, or values of which 0 is white.
    indexed : bool
        Whether there is a colour table.
    notes : tuple of str
        What the user should know of how the file was read, without its name.
    """

    values: np.ndarray
    shown: np.ndarray | None = None
    indexed: bool = False
    notes: tuple[str, ...] = ()


def read_picture(path: str | Path, shape: tuple[int, int] | None = None) -> Stored:
    """Read an annotation file with its values as they are stored.

    The format is told by the content.

    Parameters
    ----------
    path : path
        PNG, TIFF, BMP, GIF, JPEG or NumPy (.npy) file.
    shape : (h, w), optional
        Size of the image, where it is known: only then a file that claims many pixels in few bytes is decoded.

    Raises
    ------
    NusegError
        Missing, empty, damaged, of an unknown format, not a picture of at least 1x1 pixels, or several that do not
        belong together.
    """
    path = Path(path)
    if not path.is_file():
        raise NusegError(f"{path}: no such annotation file")
    if path.stat().st_size == 0:
        raise NusegError(f"{path}: the annotation file is empty (0 bytes); export it again")
    if path.suffix.lower() not in ANNOTATION_SUFFIXES:
        raise NusegError(
            f"{path}: unknown annotation format {path.suffix!r}; expected one of {', '.join(ANNOTATION_SUFFIXES)}"
        )
    try:
        stored = _decode(path, shape)
    except NusegError:
        raise
    except Exception as problem:
        raise NusegError(f"{path}: the annotation cannot be read ({in_short(problem)}); export it again") from problem
    values, notes = _one_picture(stored.values, path, shape)
    if values.ndim not in (2, 3) or values.size == 0:
        raise NusegError(f"{path}: expected one 2-D annotation, found an array of shape {values.shape}")
    return replace(stored, values=values, notes=stored.notes + notes)


def read_raw(path: str | Path, palette: bool = False, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read the values of `read_picture`, or with `palette` what a viewer shows of them."""
    stored = read_picture(path, shape)
    return stored.shown if palette and stored.shown is not None else stored.values


def refuse_folder(path: Path) -> None:
    """Say that a file was expected where `path` is a folder.

    Raises
    ------
    NusegError
    """
    if path.is_dir():
        raise NusegError(f"{path}: is a folder, expected a file; give format='folders'")


def _decode(path: Path, shape: tuple[int, int] | None) -> Stored:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(TIFF_SIGNATURES):
        values, shown, indexed, notes = read_tiff(path, shape)
        return Stored(values, shown, indexed, notes)
    if head.startswith(NUMPY_SIGNATURE):
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        check_claim(path, mapped.nbytes, mapped.shape[:2], shape)
        return Stored(np.array(mapped))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked here
        # The classes of the usual formats are called directly: Image.open has a limit of its own.
        opener: Callable[..., ImageFile] = next(
            (kind for signature, kind in RASTER_FORMATS.items() if head.startswith(signature)), Image.open
        )
        with path.open("rb") as file, opener(file) as picture:
            return _read_with_pillow(picture, path, shape)


def _read_with_pillow(picture: ImageFile, path: Path, shape: tuple[int, int] | None) -> Stored:
    width, height = picture.size
    check_claim(path, width * height * _bytes_per_pixel(picture), (height, width), shape)
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise NusegError(f"{path}: expected one picture, found {frames} frames; export the one to be used")
    values = decode_picture(picture, path.read_bytes(), str(path), palette=False)
    if picture.mode == "P":
        return Stored(values, np.asarray(picture.convert("RGB")), True)
    return Stored(values)


def _bytes_per_pixel(picture: ImageFile) -> int:
    """Bytes of a decoded pixel, with its colours where there is a colour table; colours of a PNG may have 16 bits."""
    if picture.mode in ("1", "L"):
        return 1
    return 4 if picture.mode == "P" else 2 * len(picture.getbands())


def _one_picture(values: np.ndarray, path: Path, shape: tuple[int, int] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Drop axes of length 1, bring (channels, h, w) of some writers to (h, w, channels), and join further planes."""
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 3 or values.size == 0:
        return values, ()
    if values.shape[2] == 1:
        return values[..., 0], ()
    if values.dtype != bool and values.shape[2] <= 4:
        return values, ()
    if values.dtype != bool and values.shape[0] <= 4:
        return np.moveaxis(values, 0, -1), ()
    last = values.shape[:2] == shape if shape is not None else values.shape[2] < min(values.shape[:2])
    planes = np.moveaxis(values, 2, 0) if last else values
    return join_pages(iter(planes), len(planes), path)
