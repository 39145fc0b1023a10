"""The stored values of an annotation that is a picture, before anyone says what they mean."""

from pathlib import Path

import numpy as np
from PIL import Image

from nuseg.errors import NusegError
from nuseg.io.raster import decode_picture
from nuseg.io.tiff import read_stored
from nuseg.text import one_line

ANNOTATION_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg", ".npy")
LOSSY_SUFFIXES = (".jpg", ".jpeg")  # hold masks at best: compression changes the numbers of nuclei


def read_raw(path: str | Path, palette: bool = False) -> np.ndarray:
    """Read an annotation file with its values as they are stored.

    Parameters
    ----------
    path : path
        PNG, TIFF, BMP, GIF, JPEG or NumPy (.npy) file.
    palette : bool
        For files with a colour table: True gives the colours, False the indices into the table.

    Returns
    -------
    (h, w) or (h, w, channels) array
        Of the stored dtype; channels in the order RGB or RGBA.

    Raises
    ------
    NusegError
        Missing, empty, damaged, of an unknown format, or not a picture of at least 1x1 pixels.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.is_file():
        raise NusegError(f"{path}: no such annotation file")
    if path.stat().st_size == 0:
        raise NusegError(f"{path}: the annotation file is empty (0 bytes); export it again")
    if suffix not in ANNOTATION_SUFFIXES:
        raise NusegError(
            f"{path}: unknown annotation format {suffix!r}; expected one of {', '.join(ANNOTATION_SUFFIXES)}"
        )
    try:
        if suffix == ".npy":
            values = np.array(np.load(path, mmap_mode="r", allow_pickle=False))  # no memory for a header that lies
        elif suffix in (".tif", ".tiff"):
            values = read_stored(path)
        else:
            values = _read_picture(path, palette)
    except NusegError as problem:
        detail = str(problem).removeprefix(f"{path}: ")
        raise NusegError(f"{path}: the annotation cannot be read ({detail})") from problem
    except Exception as problem:
        detail = one_line(problem) or type(problem).__name__
        raise NusegError(f"{path}: the annotation cannot be read ({detail}); export it again") from problem
    values = _channels_last(values)
    if values.ndim not in (2, 3) or values.size == 0:
        raise NusegError(f"{path}: expected one 2-D annotation, found an array of shape {values.shape}")
    return values


def refuse_folder(path: Path) -> None:
    """Say that a file was expected where `path` is a folder.

    Raises
    ------
    NusegError
    """
    if path.is_dir():
        raise NusegError(f"{path}: is a folder, expected a file; give format='folders'")


def drop_alpha(values: np.ndarray) -> np.ndarray:
    """Reduce stored channels to (h, w), or to (h, w, 3) where the colours differ.

    An alpha channel is dropped, unless all the rest is one flat colour: then alpha is the annotation.
    """
    if values.ndim == 2:
        return values
    colour, alpha = (values[..., :-1], values[..., -1]) if values.shape[2] in (2, 4) else (values, None)
    if alpha is not None and (colour == colour[0, 0]).all() and (alpha != alpha[0, 0]).any():
        return alpha
    if (colour == colour[..., :1]).all():
        return colour[..., 0]
    return colour


def _read_picture(path: Path, palette: bool) -> np.ndarray:
    with Image.open(path) as picture:
        return decode_picture(picture, path.read_bytes(), str(path), palette)


def _channels_last(values: np.ndarray) -> np.ndarray:
    """Drop axes of length 1 in front, and bring (channels, h, w) of some TIFF writers to (h, w, channels)."""
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[2] > 4 and values.shape[0] <= 4:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    return values
