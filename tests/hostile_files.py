"""Files whose header lies, or that end early: each has to be refused in one line, in little memory."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile

from hard_files import APERIO, png_chunk
from slide_files import save_pyramid

HUGE = 30_000
FIELDS = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


@dataclass(frozen=True)
class HostileFile:
    """A kind of file.

    Attributes
    ----------
    name : str
        Of the file.
    write : function
        Writes it to a path.
    refused : str
        What the message says.
    """

    name: str
    write: Callable[[Path], object]
    refused: str


def picture(side: int = 256) -> np.ndarray:
    """Colours that no compression makes small, `(side, side, 3)` uint8."""
    rng = np.random.default_rng(5)
    coarse = np.kron(rng.integers(0, 256, (side // 8, side // 8, 3)), np.ones((8, 8, 1), np.int64))
    return np.clip(coarse + rng.integers(-20, 20, (side, side, 3)), 0, 255).astype(np.uint8)


def jpeg(**options: object) -> bytes:
    """A sound JPEG of `picture`."""
    file = io.BytesIO()
    PIL.Image.fromarray(picture()).save(file, "JPEG", quality=80, **options)
    return file.getvalue()


def claiming(content: bytes, width: int, height: int) -> bytes:
    """A JPEG that claims another size."""
    at = max(content.find(marker) for marker in (b"\xff\xc0", b"\xff\xc2"))
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def png(width: int, height: int, extra: bytes = b"", side: int = 256) -> bytes:
    """A PNG that claims a size, with chunks before its pixels."""
    rows = b"".join(b"\0" + row.tobytes() for row in picture(side))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + pixels + png_chunk(b"IEND", b"")


def bmp(width: int, height: int, bits: int = 24, compression: int = 0) -> bytes:
    """A BMP that claims a size."""
    file = io.BytesIO()
    PIL.Image.fromarray(picture()).save(file, "BMP")
    content = file.getvalue()
    return content[:18] + struct.pack("<iiHHI", width, height, 1, bits, compression) + content[34:]


def written(content: bytes) -> Callable[[Path], object]:
    """Write these bytes."""
    return lambda path: path.write_bytes(content)


def tiff(changes: dict[str, int | float], dtype: str = "I", **options: object) -> Callable[[Path], object]:
    """A TIFF in which tags of the first picture are changed."""

    def write(path: Path) -> None:
        tifffile.imwrite(path, picture(), photometric="rgb", metadata=None, **options)
        overwrite(path, changes, dtype)

    return write


def overwrite(path: Path, changes: dict[str, int | float], dtype: str = "I") -> None:
    """Change tags of the first picture of a TIFF."""
    with tifffile.TiffFile(path, mode="r+b") as opened:
        for name, value in changes.items():
            opened.pages.first.tags[name].overwrite(value, dtype=dtype)


def svs(changes: dict[str, int | float]) -> Callable[[Path], object]:
    """An Aperio slide in which tags are changed."""

    def write(path: Path) -> None:
        save_pyramid(path, picture(), (1, 2), None, description=f"{APERIO}|AppMag = 40|MPP = 0.25")
        overwrite(path, changes)

    return write


def half_a_block(**options: object) -> Callable[[Path], object]:
    """A TIFF whose last block is cut: half of its bytes are not counted."""

    def write(path: Path) -> None:
        tifffile.imwrite(path, picture(), photometric="rgb", metadata=None, **options)
        with tifffile.TiffFile(path, mode="r+b") as opened:
            page = opened.pages.first
            counts = [*page.databytecounts[:-1], page.databytecounts[-1] // 2]
            tag = page.tags["TileByteCounts" if page.is_tiled else "StripByteCounts"]
            tag.overwrite(counts if len(counts) > 1 else counts[0], dtype="I")

    return write


def ome(sizes: str = 'SizeX="256" SizeY="256" SizeC="3" SizeZ="1" SizeT="1"', planes: str = "<TiffData/>") -> str:
    """A description in OME-XML."""
    return (
        f'<?xml version="1.0"?><OME xmlns="{FIELDS}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint8" {sizes}><Channel ID="Channel:0" SamplesPerPixel="3"/>{planes}</Pixels>'
        "</Image></OME>"
    )


def described(text: str) -> Callable[[Path], object]:
    """A sound TIFF with a description."""
    return lambda path: tifffile.imwrite(path, picture(), photometric="rgb", metadata=None, description=text)


JPEGS = {"JPEG": {}, "progressive JPEG": {"progressive": True}, "JPEG with restarts": {"restart_marker_blocks": 4}}
TILES, STRIP = {"tile": (64, 64)}, {"rowsperstrip": 256}
COMPRESSIONS = (None, "zlib", "lzw", "packbits", "jpeg", "jpeg2000", "webp", "jpegxl", "zstd", "lzma")
HOSTILE_FILES = {
    **{
        f"{name} that claims {HUGE}": HostileFile(
            "a.jpg", written(claiming(jpeg(**options), HUGE, HUGE)), "claims 30000 x 30000 px, more than its"
        )
        for name, options in JPEGS.items()
    },
    f"JPEG of 6 kB that claims {HUGE}": HostileFile(
        "a.jpg", written(claiming(jpeg(), HUGE, HUGE)[:6000]), "claims 30000 x 30000 px, more than its 6,000 bytes"
    ),
    **{
        f"{name} with 32 rows more": HostileFile(
            "a.jpg", written(claiming(jpeg(**options), 256, 288)), "its lower end is missing"
        )
        for name, options in JPEGS.items()
    },
    "JPEG cut and ended": HostileFile("a.jpg", written(jpeg()[:9000] + b"\xff\xd9"), "its lower end is missing"),
    "PNG": HostileFile("a.png", written(png(HUGE, HUGE)), "claims 30000 x 30000 px, more than its"),
    "BMP": HostileFile("a.bmp", written(bmp(HUGE, HUGE)), "claims 30000 x 30000 px, more than its"),
    "BMP in run lengths": HostileFile("a.bmp", written(bmp(HUGE, HUGE, 8, 1)), "claims 30000 x 30000 px, more than"),
    **{
        f"TIFF, one strip of {HUGE}, {compression}": HostileFile(
            "a.tif",
            tiff(dict.fromkeys(("ImageWidth", "ImageLength", "RowsPerStrip"), HUGE), compression=compression, **STRIP),
            "a.tif: ",
        )
        for compression in COMPRESSIONS
    },
    **{
        f"TIFF, tiles for {HUGE} rows, {compression}": HostileFile(
            "a.tif", tiff({"ImageLength": HUGE}, compression=compression, **TILES), "blocks of pixels are missing"
        )
        for compression in COMPRESSIONS
    },
    **{
        f"TIFF, half a tile, {compression}": HostileFile(
            "a.tif", half_a_block(compression=compression, **TILES), "damaged at x 0, y 0 px"
        )
        for compression in COMPRESSIONS
    },
    "TIFF of JPEG, half a strip": HostileFile("a.tif", half_a_block(compression="jpeg", **STRIP), "end is missing"),
    "TIFF, 1 x 900,000,000": HostileFile(
        "a.tif", tiff({"ImageWidth": 1, "ImageLength": 9 * 10**8, "RowsPerStrip": 9 * 10**8}, **STRIP), "claims more"
    ),
    "TIFF, width of 4294967295": HostileFile("a.tif", tiff({"ImageWidth": 2**32 - 1}), "claims 4294967295 x 256 px"),
    "TIFF without width": HostileFile("a.tif", tiff({"ImageWidth": 0}), "claims 0 x 256 px"),
    "TIFF, samples as fraction": HostileFile("a.tif", tiff({"SamplesPerPixel": 3.0}, "f", **TILES), "no whole numbers"),
    "TIFF, 60000 samples": HostileFile("a.tif", tiff({"SamplesPerPixel": 60_000}), "claims 60000 samples"),
    "TIFF, 999 bits": HostileFile("a.tif", tiff({"BitsPerSample": 999}), "samples a pixel of 999 bits"),
    "TIFF, palette without colours": HostileFile(
        "a.tif", tiff({"PhotometricInterpretation": 3}, "H"), "palette colours without its palette"
    ),
    "TIFF, tiles of 0": HostileFile("a.tif", tiff({"TileWidth": 0}, **TILES), "claims tiles of 0 x 64 px"),
    **{
        f"SVS, {name} of {value}": HostileFile("a.svs", svs({name: value}), "a.svs: ")
        for name in ("TileWidth", "TileLength", "ImageWidth", "ImageLength")
        for value in (0, 2**31 - 1, 2**32 - 1)
    },
    "OME, SizeZ of 1e9": HostileFile(
        "a.ome.tif",
        described(ome('SizeX="256" SizeY="256" SizeC="3" SizeZ="1000000000" SizeT="1"')),
        "its OME-XML claims more than 100,000 planes",
    ),
    "OME, PlaneCount of 1e9": HostileFile(
        "a.ome.tif", described(ome(planes='<TiffData PlaneCount="1000000000"/>')), "more than 100,000 planes"
    ),
}
