"""Small image files of every kind, for the tests of reading."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from tifffile import TiffFile

from hard_files import png_chunk

HEIGHT, WIDTH = 24, 36


def colours(seed: int = 0) -> np.ndarray:
    """Return (24, 36, 3) uint8 noise in which every row, column and channel differs and 255 occurs."""
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[0, 0] = 255
    return pixels


def blocks() -> np.ndarray:
    """Return (32, 48, 3) uint8 in flat 16-pixel blocks, which JPEG keeps nearly as they are."""
    return np.kron(colours()[:2, 1:4], np.ones((16, 16, 1), np.uint8))


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """Write with Pillow and return the path."""
    Image.fromarray(pixels).save(path, **options)
    return path


def png_header(path: Path, width: int, height: int) -> Path:
    """Write a PNG that claims a size and holds hardly any pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(100)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b""))
    return path


def claim_height(path: Path, height: int) -> Path:
    """Change the height that a PNG, BMP or TIFF file claims; its pixels stay as they are."""
    content = path.read_bytes()
    if content.startswith(b"\x89PNG"):
        header = content[16:20] + struct.pack(">I", height) + content[24:29]
        path.write_bytes(content[:8] + png_chunk(b"IHDR", header) + content[33:])
    elif content.startswith(b"BM"):
        path.write_bytes(content[:22] + struct.pack("<i", height) + content[26:])
    else:
        with TiffFile(path, mode="r+b") as tiff:
            for name in ("ImageLength", "RowsPerStrip"):
                tiff.pages.first.tags[name].overwrite(height, dtype="I")
    return path
