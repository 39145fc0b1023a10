"""One mask file for every nucleus in a folder, as in the Data Science Bowl 2018."""

from pathlib import Path

import numpy as np

from nuseg.annotations.binary_mask import read_mask
from nuseg.annotations.raw import ANNOTATION_SUFFIXES
from nuseg.errors import NusegError
from nuseg.io.find import list_files


def read(path: str | Path) -> np.ndarray:
    """Read a folder of masks, one nucleus each, as a label image.

    Labels follow the sorted file names; empty masks are left out. Where two masks overlap the smaller one
    wins, so that no nucleus is hidden under a larger one.

    Returns
    -------
    (h, w) int32
        0 = background, 1..N = nuclei.

    Raises
    ------
    NusegError
        The folder has no masks, a mask is unreadable, or the masks differ in size.
    """
    files = mask_files(path)
    if not files:
        raise NusegError(f"{path}: no mask files in the folder; expected one {'/'.join(ANNOTATION_SUFFIXES[:2])} each")
    masks: list[tuple[np.ndarray, ...]] = []
    shape: tuple[int, ...] = ()
    for file in files:
        mask = read_mask(file)
        if shape and mask.shape != shape:
            raise NusegError(
                f"{file}: the mask is {mask.shape[1]}x{mask.shape[0]} but {files[0].name} is "
                f"{shape[1]}x{shape[0]} (width x height); all masks of an image must have its size"
            )
        shape = mask.shape
        if mask.any():
            masks.append(np.nonzero(mask))
    labels = np.zeros(shape, np.int32)
    for label in sorted(range(len(masks)), key=lambda k: -len(masks[k][0])):
        labels[masks[label]] = label + 1
    return labels


def mask_files(path: str | Path) -> list[Path]:
    """List the mask files of a folder, sorted by name."""
    return list_files(Path(path), ANNOTATION_SUFFIXES)
