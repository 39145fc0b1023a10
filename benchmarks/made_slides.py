"""Slides for benchmarks: JPEG pyramids of real tissue at 0.25 um/px, written in little memory."""

import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import tifffile

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
MPP, BLOCK = 0.25, 512
PYRAMID = (1, 4, 16)
UNIT = 4096  # px of level 0; a sparse slide repeats a square of this side
STEP = BLOCK * PYRAMID[-1]  # px; the tissue of a sparse slide begins and ends at its multiples, on every level
GLASS = 243
OPTIONS = {
    "dtype": np.uint8,
    "tile": (BLOCK, BLOCK),
    "photometric": "rgb",
    "compression": "jpeg",
    "resolution": (1e4 / MPP, 1e4 / MPP),
    "resolutionunit": "CENTIMETER",
    "metadata": None,
}


def blocks(patches: list[np.ndarray], side: int, factor: int) -> Iterator[np.ndarray]:
    """Give the blocks of a level: real tissue in a checkerboard of patches, shrunk by `factor`."""
    size = patches[0].shape[0] // factor
    small = [cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA) for patch in patches]
    count = -(-side // factor // BLOCK)
    for top in range(0, count * BLOCK, BLOCK):
        for left in range(0, count * BLOCK, BLOCK):
            rows, columns = top + np.arange(BLOCK), left + np.arange(BLOCK)
            block = np.empty((BLOCK, BLOCK, 3), np.uint8)
            for row in np.unique(rows // size):
                for column in np.unique(columns // size):
                    patch = small[(7 * row + 3 * column) % len(small)]
                    where = np.ix_(rows // size == row, columns // size == column)
                    block[where] = patch[
                        np.ix_(rows[rows // size == row] % size, columns[columns // size == column] % size)
                    ]
            yield block


def make_slide(path: Path, patches: list[np.ndarray], side: int, factors: tuple[int, ...] = PYRAMID) -> None:
    """Write a pyramid all of which is dense tissue."""
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, factor in enumerate(factors):
            shape = side // factor, side // factor, 3
            tiff.write(blocks(patches, side, factor), shape=shape, subfiletype=int(number > 0), **OPTIONS)


def tissue_span(side: int, share: float) -> tuple[int, int]:
    """Where the square of tissue of a sparse slide begins and ends, in both directions (px)."""
    length = min(side, max(STEP, round(share**0.5 * side / STEP) * STEP))
    start = (side - length) // 2 // STEP * STEP
    return start, start + length


def make_sparse_slide(path: Path, patches: list[np.ndarray], side: int, share: float) -> None:
    """Write a pyramid with a square of dense tissue that fills a share of it, on glass.

    Few blocks are packed as JPEG, and their bytes repeated: a side of 100,000 px takes seconds.
    """
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, factor in enumerate(PYRAMID):
            shape = side // factor, side // factor, 3
            packed = packed_blocks(patches, side, factor, share)
            tiff.write(packed, shape=shape, subfiletype=int(number > 0), **OPTIONS)


def packed_blocks(patches: list[np.ndarray], side: int, factor: int, share: float) -> Iterator[bytes]:
    """Give the blocks of a level of a sparse slide, packed."""
    across, count = -(-(side // factor) // BLOCK), max(1, UNIT // factor // BLOCK)
    unit = list(blocks(patches, count * BLOCK * factor, factor))
    first, last = (place // factor // BLOCK for place in tissue_span(side, share))
    last += side // factor % BLOCK > 0 and tissue_span(side, share)[1] == side

    @cache
    def packed(row: int, column: int) -> bytes:
        return pack(unit[row * count + column])

    glass = pack(np.full((BLOCK, BLOCK, 3), GLASS, np.uint8))
    for row in range(across):
        for column in range(across):
            inside = first <= row < last and first <= column < last
            yield packed(row % count, column % count) if inside else glass


def pack(block: np.ndarray) -> bytes:
    """Pack a block as `make_slide` does: as the only one of a file."""
    file = io.BytesIO()
    tifffile.imwrite(file, block, **OPTIONS)
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        file.seek(page.dataoffsets[0])
        return file.read(page.databytecounts[0])
