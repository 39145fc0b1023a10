"""Sound slides of scanners' formats, as small as OpenSlide reads them."""

import io
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile

from slide_files import TILE, scene

WIDTH, HEIGHT = 4 * TILE, 3 * TILE
NM_PER_PX = 250
TILED = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "jpeg", "metadata": None}
XMP = 700
LEICA = f"""<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">
<collection name="a" uuid="b" sizeX="{2 * WIDTH * NM_PER_PX}" sizeY="{2 * HEIGHT * NM_PER_PX}"><barcode>MQ==</barcode>
<image name="scan" uuid="c"><creationDate>2020-01-01T00:00:00Z</creationDate><device model="SCN400" version="1"/>
<pixels sizeX="{WIDTH}" sizeY="{HEIGHT}"><dimension sizeX="{WIDTH}" sizeY="{HEIGHT}" r="0" ifd="0"/></pixels>
<view sizeX="{WIDTH * NM_PER_PX}" sizeY="{HEIGHT * NM_PER_PX}" offsetX="0" offsetY="0" spacingZ="0"/><scanSettings>
<objectiveSettings><objective>40</objective></objectiveSettings><illuminationSettings>
<numericalAperture>0.4</numericalAperture><illuminationSource>brightfield</illuminationSource>
</illuminationSettings></scanSettings></image></collection></scn>"""
SPACING = (
    '<Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray">"0.00025" "0.00025"'
    "</Attribute>"
)
PHILIPS = f"""<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">
<Attribute Name="DICOM_MANUFACTURER" Group="0x0008" Element="0x0070" PMSVR="IString">PHILIPS</Attribute>
<Attribute Name="PIM_DP_SCANNED_IMAGES" Group="0x301D" Element="0x1003" PMSVR="IDataObjectArray"><Array>
<DataObject ObjectType="DPScannedImage">
<Attribute Name="PIM_DP_IMAGE_TYPE" Group="0x301D" Element="0x1004" PMSVR="IString">WSI</Attribute>{SPACING}
<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" Group="0x1001" Element="0x8B01" PMSVR="IDataObjectArray">
<Array><DataObject ObjectType="PixelDataRepresentation">{SPACING}<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_NUMBER"
 Group="0x1001" Element="0x8B02" PMSVR="IUInt16">0</Attribute></DataObject></Array></Attribute>
</DataObject></Array></Attribute></DataObject>"""
TRESTLE = "Background Color=FFFFFF;White Balance=0;Objective Power=20;JPEG Quality=90;OverlapsXY= 0 0"
SCANNER = '<iScan ScanRes="0.25" Magnification="40" UnitNumber="1" Z-layers="1">{}</iScan>'
VMS = f"""[Virtual Microscope Specimen]
NoLayers=1
NoJpegColumns=1
NoJpegRows=1
ImageFile=scan.jpg
MapFile=map.jpg
MacroImage=macro.jpg
PhysicalWidth={WIDTH * NM_PER_PX}
PhysicalHeight={HEIGHT * NM_PER_PX}
SourceLens=40
XOffsetFromSlideCentre=0
YOffsetFromSlideCentre=0
PhysicalMacroWidth={WIDTH * NM_PER_PX}
PhysicalMacroHeight={HEIGHT * NM_PER_PX}
"""
MIRAX = """[GENERAL]
SLIDE_VERSION = 01.02
SLIDE_ID = 1
IMAGENUMBER_X = 1
IMAGENUMBER_Y = 1
OBJECTIVE_MAGNIFICATION = 20
[HIERARCHICAL]
HIER_COUNT = 1
NONHIER_COUNT = 0
INDEXFILE = Index.dat
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = 1
HIER_0_VAL_0 = ZoomLevel_0
HIER_0_VAL_0_SECTION = LAYER_0_LEVEL_0_SECTION
[LAYER_0_LEVEL_0_SECTION]
OVERLAP_X = 0
OVERLAP_Y = 0
IMAGE_FORMAT = JPEG
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = 64
DIGITIZER_HEIGHT = 64
IMAGE_CONCAT_FACTOR = 0
MICROMETER_PER_PIXEL_X = 0.25
MICROMETER_PER_PIXEL_Y = 0.25
[DATAFILE]
FILE_COUNT = 1
FILE_0 = Data0000.dat
"""


def leica(folder: Path) -> Path:
    return _tiff(folder / "scan.scn", description=LEICA, bigtiff=True)


def philips(folder: Path) -> Path:
    return _tiff(folder / "scan.tiff", description=PHILIPS, software="Philips DP v1.0")


def trestle(folder: Path) -> Path:
    return _tiff(folder / "scan.tif", description=TRESTLE, software="MedScan")


def ventana(folder: Path) -> Path:
    """A slide whose tiles lie in rows that run to and fro."""
    down, across = HEIGHT // TILE, WIDTH // TILE

    def number(row: int, column: int) -> int:
        return row * across + (column if row % 2 == 0 else across - 1 - column) + 1

    pairs = [("RIGHT", number(r, c), number(r, c + 1)) for r in range(down) for c in range(across - 1)]
    pairs += [("UP", number(r, c), number(r + 1, c)) for r in range(down - 1) for c in range(across)]
    joints = "".join(
        f'<TileJointInfo FlagJoined="1" Confidence="95" Direction="{side}" Tile1="{one}" Tile2="{other}" OverlapX="0" '
        'OverlapY="0"/>'
        for side, one, other in pairs
    )
    area = '<AOI0 Left="0" Top="0" Right="1" Bottom="1"/>'
    stitching = (
        f'<?xml version="1.0"?><EncodeInfo Ver="2"><SlideInfo>{SCANNER.format("")}</SlideInfo><SlideStitchInfo>'
        f'<ImageInfo AOIScanned="1" AOIIndex="0" NumRows="{down}" NumCols="{across}" Width="{TILE}" Height="{TILE}" '
        f'Pos-X="0" Pos-Y="0">{joints}</ImageInfo></SlideStitchInfo><AoiOrigin><AOI0 OriginX="0" OriginY="0"/>'
        "</AoiOrigin></EncodeInfo>"
    )
    path = folder / "scan.bif"
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        label = {"photometric": "rgb", "metadata": None, "description": "Label_Image"}
        tiff.write(_pixels()[::4, ::4], extratags=[_xmp(SCANNER.format(area))], **label)
        tiff.write(_pixels(), extratags=[_xmp(stitching)], description="level=0 mag=40 quality=95", **TILED)
    return path


def hamamatsu_ndpi(folder: Path) -> Path:
    """A TIFF of one JPEG, with the tags and the long offsets of Hamamatsu."""
    jpeg = _jpeg()
    objective = int.from_bytes(struct.pack("<f", 40.0), "little")
    short, long, real, signed = 3, 4, 11, 9
    tags = [
        (256, long, WIDTH),
        (257, long, HEIGHT),
        (258, short, 8),
        (259, short, 7),
        (262, short, 6),
        (273, long, 0),
        (277, short, 3),
        (278, long, HEIGHT),
        (279, long, len(jpeg)),
        (65420, long, 1),
        (65421, real, objective),
        *((number, signed, 0) for number in (65422, 65423, 65424)),
    ]
    begin = 12
    data = begin + 2 + 12 * len(tags) + 8
    values = [struct.pack("<HHII", number, kind, 1, data if number == 273 else value) for number, kind, value in tags]
    path = folder / "scan.ndpi"
    directory = struct.pack("<H", len(tags)) + b"".join(values) + bytes(8)
    path.write_bytes(b"II*\0" + begin.to_bytes(8, "little") + directory + jpeg)
    return path


def hamamatsu_vms(folder: Path) -> Path:
    """A text that names JPEGs."""
    for name in ("scan", "map", "macro"):
        (folder / f"{name}.jpg").write_bytes(_jpeg())
    path = folder / "scan.vms"
    path.write_text(VMS)
    return path


def mirax(folder: Path) -> Path:
    """A small picture beside a folder: not whole, but with all that is looked at first."""
    path = folder / "scan.mrxs"
    path.write_bytes(_jpeg())
    (folder / "scan").mkdir()
    (folder / "scan" / "Slidedat.ini").write_text(MIRAX)
    (folder / "scan" / "Index.dat").write_bytes(b"01.021" + bytes(40))
    (folder / "scan" / "Data0000.dat").write_bytes(b"01.021" + bytes(26) + _jpeg())
    return path


def dicom(folder: Path) -> Path:
    """The beginning of a DICOM file: not whole."""

    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    syntax = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
    slide = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.6")
    size = element(0x28, 0x10, b"US", b"\x40\0") + element(0x28, 0x11, b"US", b"\x40\0")
    path = folder / "scan.dcm"
    path.write_bytes(
        bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(syntax))) + syntax + slide + size
    )
    return path


def _pixels() -> np.ndarray:
    return scene(HEIGHT, WIDTH)


def _tiff(path: Path, **options: object) -> Path:
    tifffile.imwrite(path, _pixels(), **TILED | options)
    return path


def _xmp(text: str) -> tuple[int, int, int, bytes, bool]:
    return XMP, 1, len(text), text.encode(), True


def _jpeg() -> bytes:
    held = io.BytesIO()
    PIL.Image.fromarray(_pixels()).save(held, "JPEG", subsampling=0, restart_marker_blocks=4)
    return held.getvalue()
