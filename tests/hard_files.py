"""Files of the kinds that readers get wrong: each is written with the pixels and the resolution that are right."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import tifffile
from PIL.TiffImagePlugin import IFDRational

from slide_files import TILE, save_pyramid

Write = Callable[[Path, np.ndarray], object]
MPP = 0.5
PER_CM = {"resolution": (1e4 / MPP, 1e4 / MPP), "resolutionunit": "CENTIMETER"}
APERIO = "Aperio Image Library v11.2.1\r\n128x128 [0,0 128x128] (64x64) JPEG/RGB Q=70"


@dataclass(frozen=True)
class HardFile:
    """A kind of file.

    Attributes
    ----------
    name : str
        Of the file.
    write : function
        Writes `(h, w, 3)` uint8 pixels to a path.
    mpp : float
        Resolution (um/px) that is right.
    kind : str
        "image" or "slide".
    near : int
        How far the pixels may be off, on average.
    noted : str
        What a note says; "" = there is none.
    """

    name: str
    write: Write
    mpp: float = MPP
    kind: str = "slide"
    near: int = 0
    noted: str = ""


def deep(bits: int) -> Write:
    """Values of so many bits, kept in 16, in a pyramid."""
    full = 2**bits - 1

    def write(path: Path, pixels: np.ndarray) -> None:
        save_pyramid(path, np.rint(pixels / 255 * full).astype(np.uint16), (1, 2), MPP, "zlib")

    return write


def floats(scale: float) -> Write:
    """Floats from 0 to `scale`, in strips."""
    return lambda path, pixels: tifffile.imwrite(
        path, (pixels * np.float32(scale / 255)).astype(np.float32), photometric="rgb", rowsperstrip=7, **PER_CM
    )


def fourth_sample(path: Path, pixels: np.ndarray) -> None:
    """A fourth sample whose meaning is not said, 0 nearly everywhere: taken as alpha it would hide all."""
    extra = np.zeros(pixels.shape[:2], np.uint8)
    extra[5:9, 5:9] = 200
    save_pyramid(path, np.dstack([pixels, extra]), (1, 2), MPP, "zlib", extrasamples=["unspecified"])


def turned(orientation: int) -> Write:
    """Pixels stored as the orientation says, in a pyramid of tiles."""

    def write(path: Path, pixels: np.ndarray) -> None:
        stored = store_turned(pixels, orientation)
        save_pyramid(path, stored, (1, 2), MPP, "zlib", extratags=[(274, "H", 1, orientation, True)])

    return write


def store_turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """What has to be stored so that an upright reader shows `pixels`, by the table of TIFF's specification."""
    row_is, column_is = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    stored = pixels if row_is in ("top", "bottom") else pixels.swapaxes(0, 1)
    stored = stored[::-1] if row_is in ("bottom", "right") else stored
    return np.ascontiguousarray(stored[:, ::-1] if column_is in ("bottom", "right") else stored)


def packed(compression: str) -> Write:
    """Tiles in a compression that OpenSlide does not read in plain TIFFs, lossless."""
    arguments = {"webp": {"lossless": True}, "jpeg2000": {"reversible": True}, "jpegxl": {"lossless": True}}[
        compression
    ]

    def write(path: Path, pixels: np.ndarray) -> None:
        save_pyramid(path, pixels, (1, 2), MPP, compression, compressionargs=arguments)

    return write


def aperio(facts: str, **options: object) -> Write:
    """A file with Aperio's description."""
    settings = {"tile": (TILE, TILE), "compression": "jpeg", "photometric": "rgb", **options}
    if not settings["tile"]:
        settings = {"photometric": "rgb", "rowsperstrip": 16}
    return lambda path, pixels: tifffile.imwrite(
        path, pixels, description=f"{APERIO}|{facts}", metadata=None, **settings
    )


def two_series(path: Path, pixels: np.ndarray) -> None:
    """An OME-TIFF whose first picture is a small label, with a resolution of its own."""
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, part, mpp in (("label", np.ascontiguousarray(pixels[:40, :30]), 1.75), ("scan", pixels, MPP)):
            about = {"axes": "YXS", "Name": name, "PhysicalSizeX": mpp, "PhysicalSizeY": mpp}
            tiff.write(part, photometric="rgb", metadata=about)


def exif(x: object, y: object) -> Write:
    """A JPEG that states a resolution per inch in Exif alone."""

    def write(path: Path, pixels: np.ndarray) -> None:
        tags = PIL.Image.Exif()
        tags[282], tags[283], tags[296] = x, y, 2
        PIL.Image.fromarray(pixels).save(path, exif=tags, quality=95, subsampling=0)

    return write


def wrong_tags(path: Path, pixels: np.ndarray) -> None:
    """A TIFF whose resolution and orientation are words."""
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, "H", 1, 1, True)], metadata=None, **PER_CM)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for name in ("XResolution", "YResolution", "Orientation"):
            tiff.pages.first.tags[name].overwrite("up", dtype="s")


def described(changes: dict[str, object], description: str = "") -> Write:
    """A TIFF in strips whose OME-XML says something else of it than what is right, or with another description."""
    said = {"SizeX": 150, "SizeY": 130, "SizeC": 3, "SizeZ": 1, "SizeT": 1, **changes}
    sizes = " ".join(f'{name}="{value}"' for name, value in said.items())
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" {sizes}><Channel ID="Channel:0" '
        'SamplesPerPixel="3"/><TiffData/></Pixels></Image></OME>'
    )
    text = description or xml
    return lambda path, pixels: tifffile.imwrite(
        path, pixels, photometric="rgb", description=text, metadata=None, **PER_CM
    )


def lost_profile(path: Path, pixels: np.ndarray) -> None:
    """A TIFF whose colour profile lies beyond the end of the file."""
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=bytes(500), metadata=None, **PER_CM)
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages.first.tags[34675].offset
    content = bytearray(path.read_bytes())
    content[at + 4 : at + 8] = (10**6).to_bytes(4, "little")
    path.write_bytes(content)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(kind: bytes, content: bytes, sound: bool = True) -> Write:
    """A PNG with a chunk before its pixels, whose checksum may be wrong."""

    def write(path: Path, pixels: np.ndarray) -> None:
        PIL.Image.fromarray(pixels).save(path)
        file, chunk = path.read_bytes(), png_chunk(kind, content)
        path.write_bytes(file[:33] + (chunk if sound else chunk[:-4] + bytes(4)) + file[33:])

    return write


def jpeg_with(marker: int, content: bytes) -> Write:
    """A JPEG with a segment of metadata."""

    def write(path: Path, pixels: np.ndarray) -> None:
        PIL.Image.fromarray(pixels).save(path, quality=95, subsampling=0)
        file = path.read_bytes()
        path.write_bytes(file[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + file[2:])

    return write


ASSUMED = "no resolution in the file, 0.25 um/px (40x) assumed"
HARD_FILES = {
    "8 bits": HardFile("a.tif", lambda path, pixels: save_pyramid(path, pixels, (1, 2), MPP, "zlib")),
    "10 bits in 16": HardFile("a.tif", deep(10)),
    "12 bits in 16": HardFile("a.tif", deep(12)),
    "16 bits": HardFile("a.tif", deep(16)),
    "floats to 1": HardFile("a.tif", floats(1), kind="image"),
    "floats to 255": HardFile("a.tif", floats(255), kind="image"),
    "fourth sample": HardFile("a.tif", fourth_sample),
    **{f"orientation {number}": HardFile("a.tif", turned(number)) for number in range(1, 9)},
    "WebP": HardFile("a.tif", packed("webp")),
    "JPEG 2000": HardFile("a.tif", packed("jpeg2000")),
    "JPEG XL": HardFile("a.tif", packed("jpegxl")),
    "decimal comma": HardFile("a.svs", aperio("AppMag = 40|MPP = 0,4990"), 0.499, near=8),
    "exponent": HardFile("a.svs", aperio("AppMag = 40|MPP = 4.99e-01"), 0.499, near=8),
    "magnification only": HardFile("a.svs", aperio("AppMag = 20|Left = 3"), 0.5, near=8, noted="its 20x objective"),
    "MPP of zero": HardFile("a.svs", aperio("AppMag = 20|MPP = 0"), 0.5, near=8, noted="its 20x objective"),
    "strips of Aperio": HardFile("a.tif", aperio("AppMag = 20", tile=()), 0.5, "image", noted="its 20x objective"),
    "strips, decimal comma": HardFile("a.tif", aperio("AppMag = 20|MPP = 0,4990", tile=()), 0.499, "image"),
    "two series": HardFile(
        "a.ome.tif", two_series, kind="image", noted="the largest picture (150 x 130 px) is read; left out: label"
    ),
    "Exif": HardFile("a.jpg", exif(50800.0, 50800.0), 0.5, "image", near=8),
    "Exif for print": HardFile("a.jpg", exif(72.0, 72.0), 0.25, "image", near=8, noted=ASSUMED),
    "Exif over zero": HardFile(
        "a.jpg", exif(IFDRational(0, 0), IFDRational(0, 0)), 0.25, "image", near=8, noted=ASSUMED
    ),
    **{
        f"OME, PhysicalSizeX of {value}": HardFile(
            "a.ome.tif",
            described({"PhysicalSizeX": value, "PhysicalSizeY": value}),
            0.5,
            "image",
            noted="is no resolution",
        )
        for value in ("NaN", "inf", "0", "-1")
    },
    "OME, decimal comma": HardFile(
        "a.ome.tif", described({"PhysicalSizeX": "0,3", "PhysicalSizeY": "0,3"}), 0.3, "image"
    ),
    "OME, another size": HardFile("a.ome.tif", described({"SizeX": 10**6}), 0.5, "image", noted="its description is"),
    "OME, size in words": HardFile("a.ome.tif", described({"SizeZ": "one"}), 0.5, "image", noted="its description is"),
    "OME, broken": HardFile("a.ome.tif", described({}, "<OME><Image></OME>"), 0.5, "image", noted="its description is"),
    "OME, a file elsewhere": HardFile(
        "a.ome.tif",
        described({}, '<OME><Pixels><TiffData><UUID FileName="/dev/zero">a</UUID></TiffData></Pixels></OME>'),
        0.5,
        "image",
        noted="it names a file outside its folder",
    ),
    "description of no shape": HardFile(
        "a.tif", described({}, '{"shape": "large"}'), 0.5, "image", noted="its description is"
    ),
    "profile beyond the end": HardFile("a.tif", lost_profile, 0.5, "image", noted="its tags 34675 lie beyond the end"),
    "PNG, broken Exif": HardFile("a.png", png_with(b"eXIf", b"abcd", sound=False), 0.25, "image", noted="metadata are"),
    "PNG, short pHYs": HardFile("a.png", png_with(b"pHYs", b"\0\1"), 0.25, "image", noted="its metadata are damaged"),
    "PNG, pHYs of 0": HardFile("a.png", png_with(b"pHYs", bytes(8) + b"\1"), 0.25, "image", noted=ASSUMED),
    "PNG, profile that is a bomb": HardFile(
        "a.png",
        png_with(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000), 9)),
        0.25,
        "image",
        noted="its metadata are damaged",
    ),
    "JPEG, broken Exif": HardFile(
        "a.jpg",
        jpeg_with(0xE1, b"Exif\0\0MM\0*" + bytes([255]) * 20),
        0.25,
        "image",
        near=8,
        noted="its metadata are damaged",
    ),
    "JPEG, broken picture list": HardFile(
        "a.jpg", jpeg_with(0xE2, b"MPF\0MM\0*\xff\xff\xff\xff"), 0.25, "image", near=8, noted=ASSUMED
    ),
    "tags in words": HardFile("a.tif", wrong_tags, 0.25, "image", noted=ASSUMED),
}


def field() -> np.ndarray:
    """Glass with dark nuclei and a dark corner, `(130, 150, 3)` uint8; no two parts are alike."""
    rng = np.random.default_rng(3)
    pixels = np.full((130, 150, 3), (235, 225, 240), np.uint8)
    for number, (y, x) in enumerate([(20, 25), (30, 110), (75, 60), (100, 120), (105, 20)]):
        cv2.ellipse(pixels, (x, y), (12, 6 + number), 20.0 * number, 0, 360, (70, 40 + 5 * number, 110), -1)
    pixels[64:128, 64:128] //= 5  # a tile so dark that by itself it would pass for one of fewer bits
    pixels[0, 0] = 255
    return np.clip(pixels + rng.integers(0, 8, pixels.shape), 0, 255).astype(np.uint8)
