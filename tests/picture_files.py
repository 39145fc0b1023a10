"""One picture as files of every kind that keeps its pixels as they are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from nuseg.io.image import write_png

TILED = {"tile": (64, 64), "photometric": "rgb"}

Write = Callable[[Path, np.ndarray], Path]


def strided(pixels: np.ndarray) -> list[np.ndarray]:
    """Levels that are no means of the finer ones: whoever takes one is found out."""
    return [pixels, pixels[::2, ::2], pixels[::4, ::4]]


def as_png(folder: Path, pixels: np.ndarray) -> Path:
    write_png(folder / "a.png", pixels)
    return folder / "a.png"


def as_tiff(name: str, **options: object) -> Write:
    def write(folder: Path, pixels: np.ndarray) -> Path:
        tifffile.imwrite(folder / name, pixels, **{"photometric": "rgb"} | options)
        return folder / name

    return write


def as_pyramid(folder: Path, pixels: np.ndarray) -> Path:
    """Smaller levels as SubIFDs of the first page."""
    path, levels = folder / "pyramid.tif", strided(pixels)
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(levels[0], subifds=len(levels) - 1, metadata=None, **TILED)
        for level in levels[1:]:
            tiff.write(level, subfiletype=1, metadata=None, **TILED)
    return path


def as_pages(folder: Path, pixels: np.ndarray) -> Path:
    """Smaller levels as pages of their own, which OpenSlide reads."""
    path = folder / "pages.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, level in enumerate(strided(pixels)):
            tiff.write(level, subfiletype=int(number > 0), metadata=None, **TILED)
    return path


def as_svs(folder: Path, pixels: np.ndarray) -> Path:
    path, (height, width) = folder / "scan.svs", pixels.shape[:2]
    first = f"Aperio Image Library v11.2.1\r\n{width}x{height} (64x64) JPEG/RGB Q=70|AppMag = 40|MPP = 0.25"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pixels, description=first, metadata=None, compression="deflate", **TILED)
        small = {"photometric": "rgb", "metadata": None, "description": "Aperio Image Library v11.2.1\r\nthumbnail"}
        tiff.write(pixels[::4, ::4], **small)
        tiff.write(pixels[::2, ::2], description=first, metadata=None, compression="deflate", **TILED)
    return path


FILES: dict[str, Write] = {
    "png": as_png,
    "tiled TIFF": as_tiff("tiled.tif", tile=(64, 64)),
    "TIFF in strips": as_tiff("strips.tif", rowsperstrip=7, compression="lzw"),
    "pyramid": as_pyramid,
    "pages": as_pages,
    "OME-TIFF": as_tiff("a.ome.tif", metadata={"axes": "YXS"}),
    "SVS": as_svs,
    "BigTIFF": as_tiff("big.tif", bigtiff=True, tile=(128, 64), compression="zlib"),
}
