"""Binary masks: nuclei against background; every connected component becomes a nucleus."""

from pathlib import Path

import cv2
import numpy as np

from nuseg.annotations.raw import drop_alpha, read_raw
from nuseg.errors import NusegError

# Pixels neither dark nor bright, for each bright one and of all. Lossy compression and smoothed edges of small
# nuclei make up to a quarter for each bright one; label images and photographs have more.
_GREY_TO_BRIGHT = 0.5
_GREY_OF_ALL = 0.2


def read(path: str | Path) -> np.ndarray:
    """Read a binary mask as a label image of its 4-connected components.

    Pixels that meet at a corner alone are apart: a diagonal background line one pixel wide parts two nuclei.

    Returns
    -------
    (h, w) int32
        0 = background, 1..N = components.

    Raises
    ------
    NusegError
        See `read_mask`.
    """
    return components(read_mask(path))


def components(mask: np.ndarray) -> np.ndarray:
    """Number the 4-connected components of a (h, w) bool mask: (h, w) int32."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)[1]


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask stored as 0/1, 0/255, any two values, RGB, RGBA, with a colour table, or as JPEG.

    With two values the larger one is nuclei. With more (smoothed or compressed edges) the limit is half of
    the largest. In colour the brightest channel counts.

    Returns
    -------
    (h, w) bool
        True = nuclei.

    Raises
    ------
    NusegError
        Unreadable, NaN, or too many pixels neither dark nor bright: no binary mask.
    """
    values = drop_alpha(read_raw(path, palette=True))
    if values.ndim == 3:
        values = values.max(axis=2)
    if values.dtype.kind not in "buif" or not np.isfinite(values).all():
        raise NusegError(f"{path}: the mask holds NaN or no numbers, expected 0 and 255 for nuclei")
    low, high = values.min(), values.max()
    if low == high:
        return np.full(values.shape, high > 0)
    if ((values == low) | (values == high)).all():
        return values == high
    share = values.astype(np.float64) / float(high)
    grey = int(((share > 0.2) & (share < 0.8)).sum())
    if grey > min(_GREY_TO_BRIGHT * int((share >= 0.8).sum()), _GREY_OF_ALL * share.size):
        raise NusegError(
            f"{path}: no binary mask: {len(np.unique(values))} values, many neither dark nor bright; "
            "export two values, or, if it is a label image, PNG or TIFF (in nuseg prepare: --format labels)"
        )
    return share >= 0.5
