"""The label image as TIFF, with its resolution."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from nuseg.io.atomic import atomic_path
from nuseg.results.output import Output, written_whole
from nuseg.types import LabelImage

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

WHOLE = 25_000_000  # px; a larger label image is drawn and written tile by tile
TILE = 1024  # px


def write(labels: LabelImage, mpp: float, path: Path) -> None:
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


def write_tiles(path: Path, result: "Segmentation") -> None:
    """Write the label image of a large source as a tiled BigTIFF, in memory that does not grow with it."""
    height, width = result.shape

    def tiles() -> Iterator[np.ndarray]:
        for y in range(0, height, TILE):
            for x in range(0, width, TILE):
                yield result.read_labels(x, y, min(TILE, width - x), min(TILE, height - y))

    per_centimetre = 1e4 / result.mpp
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            tiles(),
            shape=(height, width),
            dtype=np.int32,
            tile=(TILE, TILE),
            bigtiff=True,
            compression="zlib",
            compressionargs={"level": 1},
            resolution=(per_centimetre, per_centimetre),
            resolutionunit="CENTIMETER",
        )


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the label image of a result."""
    if result.info.width * result.info.height > WHOLE:
        write_tiles(path, result)
    else:
        write(result.labels, result.mpp, path)


OUTPUT = Output(
    name="labels",
    suffix=".tiff",
    help="label image: 0 = background, else the nucleus' id",
    open=written_whole(write_result),
    default_for=("image",),
)
