"""The label image as TIFF, with its resolution."""

from pathlib import Path

import numpy as np
import tifffile

from nuseg.io.atomic import atomic_path


def write(labels: np.ndarray, mpp: float, path: Path) -> None:
    """Write a `(h, w)` label image as a zlib-compressed int32 TIFF, whole or not at all.

    Parameters
    ----------
    labels : (h, w) int32
        0 = background, 1..N = nuclei.
    mpp : float
        Resolution (um/px), stored in the file's resolution tags.
    path : Path
        Where to write.
    """
    per_centimetre = 1e4 / mpp
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            labels.astype(np.int32, copy=False),
            compression="zlib",
            compressionargs={"level": 1},  # a quarter of the time of the default, a file a little larger
            resolution=(per_centimetre, per_centimetre),
            resolutionunit="CENTIMETER",
        )
