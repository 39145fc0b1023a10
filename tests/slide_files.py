"""Slides for tests: small files of several kinds, and one without a file."""

from pathlib import Path

import cv2
import numpy as np
import tifffile

from nuseg.errors import NusegError
from nuseg.io.reader import Kind
from nuseg.io.resolution import PixelSize
from nuseg.io.source import Source

TILE = 64
CM_PER_UM = 1e-4


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours without repetition, `(height, width, 3)` uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def save_pyramid(
    path: Path,
    pixels: np.ndarray,
    downsamples: tuple[int, ...] = (1, 2, 4),
    mpp: float | None = 0.25,
    compression: str | None = "jpeg",
    **options: object,
) -> Path:
    """Write a tiled pyramidal TIFF, pages one after the other, as OpenSlide reads it."""
    resolution = {} if mpp is None else {"resolution": (1 / (mpp * CM_PER_UM),) * 2, "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, factor in enumerate(downsamples):
            level = pixels[: pixels.shape[0] // factor * factor, : pixels.shape[1] // factor * factor]
            size = pixels.shape[1] // factor, pixels.shape[0] // factor
            level = cv2.resize(level, size, interpolation=cv2.INTER_AREA) if factor > 1 else pixels
            tiff.write(
                level,
                tile=(TILE, TILE),
                photometric="rgb",
                compression=compression,
                subfiletype=int(number > 0),
                metadata=None,
                **(resolution if number == 0 else {}),
                **options,
            )
    return path


def save_ome(path: Path, pixels: np.ndarray, mpp: float = 0.5, axes: str = "YXS", levels: int = 2) -> Path:
    """Write an OME-TIFF whose smaller levels are sub-images of the first."""
    metadata = {"axes": axes, "PhysicalSizeX": mpp, "PhysicalSizeY": mpp}
    kept = {"tile": (TILE, TILE), "compression": "zlib", "photometric": "rgb" if axes != "CYX" else "minisblack"}
    shrunk = [pixels[:: 2**k, :: 2**k] for k in range(levels)]
    if axes != "YXS":
        shrunk = [np.ascontiguousarray(level.transpose(2, 0, 1)) for level in shrunk]
        kept |= {"planarconfig": "separate"} if axes == "SYX" else {}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(shrunk[0], subifds=levels - 1, metadata=metadata, **kept)
        for level in shrunk[1:]:
            tiff.write(level, subfiletype=1, **kept)
    return path


class ArrayReader:
    """A reader over pixels in memory, with levels by striding, and regions that are damaged."""

    vendor, associated, objective, notes = "made up", (), None, ()

    def __init__(
        self,
        pixels: np.ndarray,
        downsamples: tuple[int, ...] = (1,),
        mpp: float | None = 0.25,
        bounds: tuple[int, int, int, int] | None = None,
        damaged: tuple[int, int, int, int] | None = None,
        kind: Kind = "slide",
    ) -> None:
        self.levels = [pixels[::factor, ::factor] for factor in downsamples]
        self.sizes = tuple((level.shape[1], level.shape[0]) for level in self.levels)
        self.downsamples = tuple(map(float, downsamples))
        self.pixel_size = PixelSize(mpp, mpp, "test") if mpp else None
        self.bounds, self.damaged, self.kind = bounds, damaged, kind

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        left, top = (round(place / self.downsamples[level]) for place in (x, y))
        if self.damaged and level == 0:
            x0, y0, x1, y1 = self.damaged
            if left < x1 and left + width > x0 and top < y1 and top + height > y0:
                raise NusegError("broken block")
        return self.levels[level][top : top + height, left : left + width]

    def close(self) -> None:
        pass


def array_slide(pixels: np.ndarray, name: str = "slide", **options: object) -> Source:
    """A slide without a file; with `kind="image"` an image."""
    return Source(Path(name), ArrayReader(pixels, **options))
