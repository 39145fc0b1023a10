"""Annotations of several pages or planes: one nucleus each."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from nuseg.annotations.labels import MANY_PIECES, large_pieces, stack_masks
from nuseg.errors import NusegError
from nuseg.text import plural

MOST_OVERLAP = 4  # times that all masks together may cover the picture


def join_pages(planes: Iterator[np.ndarray], number: int, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Make one annotation of pages: a label image of pages that hold a mask each, or what all pages hold alike.

    Where two masks overlap the smaller one wins; pages without a mask are left out.

    Parameters
    ----------
    planes : iterator of (h, w) or (h, w, samples) arrays
        Each is looked at once and then forgotten.
    number : int
        How many there are.
    path : Path
        The file, for messages.

    Returns
    -------
    values : (h, w) or (h, w, samples) array
    notes : tuple of str

    Raises
    ------
    NusegError
        Pages with several numbers each, with classes, or with bright background.
    """
    first = next(planes)
    different = (plane for plane in planes if not np.array_equal(plane, first))
    second = next(different, None)
    if second is None:
        return first, ()
    masks: list[np.ndarray] = []
    several = spread = covered = 0
    for plane in chain([first, second], different):
        inside = plane if plane.ndim == 2 else plane.max(axis=2)
        mask = inside > 0
        several += bool((mask & (inside != inside.max())).any())
        spread += large_pieces(mask) >= MANY_PIECES
        covered += int(np.count_nonzero(mask))
        if covered > MOST_OVERLAP * mask.size:
            raise NusegError(
                f"{path}: expected one page for each nucleus with 0 as background, found pages that are bright all "
                "over; invert them, or export one label image"
            )
        if mask.any():
            masks.append(np.flatnonzero(mask).astype(np.int32))
    if several:
        raise NusegError(
            f"{path}: expected one label image, or one page for each nucleus, found {number} pages of which {several} "
            "hold several numbers; keep the page with the nuclei"
        )
    if spread > len(masks) / 2:
        raise NusegError(
            f"{path}: expected one page for each nucleus, found {number} pages of which {spread} hold many pieces: "
            "these are classes; export one label image with one number per nucleus"
        )
    return stack_masks(masks, first.shape[:2]), (f"{plural(len(masks), 'page')} with a nucleus each",)
