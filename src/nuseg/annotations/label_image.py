"""Label images: one number for every nucleus, 0 for background."""

from pathlib import Path

import numpy as np

from nuseg.annotations.raw import drop_alpha, read_raw
from nuseg.errors import NusegError

_TABLE_LIMIT = 1 << 24


def read(path: str | Path) -> np.ndarray:
    """Read a label image with nuclei renumbered 1..N, in the order of their stored values.

    Returns
    -------
    (h, w) int32
        0 = background, 1..N = nuclei.

    Raises
    ------
    NusegError
        See `read_stored`.
    """
    return renumber(read_stored(path))


def read_stored(path: str | Path) -> np.ndarray:
    """Read a label image with the values as stored, gaps included.

    A colour table is ignored (its indices are the labels), alpha is dropped, equal channels count as one.

    Returns
    -------
    (h, w) bool or integer
        Values 0 and above.

    Raises
    ------
    NusegError
        Unreadable, coloured, negative, or with fractions or NaN.
    """
    values = drop_alpha(read_raw(path))
    if values.ndim == 3:
        raise NusegError(
            f"{path}: the label image has colours, expected one number per nucleus in a single channel; "
            "export it as 16-bit greyscale, or in black and white if it is a mask"
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise NusegError(
                f"{path}: the label image has fractions or NaN, expected whole numbers; export it as 16-bit"
            )
        values = values.astype(np.int64)
    if values.dtype.kind not in "bui":
        raise NusegError(f"{path}: the label image holds {values.dtype}, expected whole numbers")
    if values.dtype.kind == "i" and values.min() < 0:
        raise NusegError(f"{path}: the label image has the negative label {values.min()}; use 0 for background")
    return values


def renumber(labels: np.ndarray) -> np.ndarray:
    """Renumber nuclei to 1..N without gaps, in the order of their values.

    Parameters
    ----------
    labels : (h, w) bool or integer, values 0 and above

    Returns
    -------
    (h, w) int32
    """
    if int(labels.max(initial=0)) < _TABLE_LIMIT:
        present = np.bincount(labels.ravel()) > 0
        present[0] = False
        return np.cumsum(present, dtype=np.int32)[labels.astype(np.int64)] * (labels > 0)
    values, positions = np.unique(labels, return_inverse=True)
    return (positions.reshape(labels.shape) + (values[0] != 0)).astype(np.int32)
