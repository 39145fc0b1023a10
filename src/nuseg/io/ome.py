"""What the OME-XML of a TIFF says of its pictures, looked at before anybody makes room for them."""

from pathlib import Path, PurePath
from xml.etree import ElementTree

from tifffile import TiffFile

from nuseg.errors import NusegError
from nuseg.text import plural

MAX_PLANES = 100_000
COUNTS = ("SizeC", "SizeZ", "SizeT")
PLACES = ("IFD", "PlaneCount", "FirstC", "FirstZ", "FirstT")


class WrongMetadata(Exception):
    """Metadata that cannot be true; the message says why."""


def check_ome(tiff: TiffFile, path: Path) -> None:
    """Look at the sizes that OME-XML claims.

    Raises
    ------
    NusegError
        It claims more planes than anybody could store.
    WrongMetadata
        It does not describe the pictures of this file.
    """
    if not tiff.ome_metadata:
        return
    root = ElementTree.fromstring(tiff.ome_metadata)
    described = root.findall(".//{*}Pixels")
    for pixels in described:
        planes = 1
        for name in COUNTS:
            planes *= max(1, int(pixels.get(name, 1)))
        if planes > MAX_PLANES or any(int(data.get(name, 0)) > MAX_PLANES for data in pixels for name in PLACES):
            raise NusegError(
                f"{path}: damaged, its OME-XML claims more than {MAX_PLANES:,} planes, and the file holds "
                f"{plural(len(tiff.pages), 'picture')}; export it again"
            )
    for uuid in root.findall(".//{*}UUID"):
        name = uuid.get("FileName", "")
        if PurePath(name).name != name.strip():
            raise WrongMetadata("it names a file outside its folder")
    page = tiff.pages.first
    if len(described) == 1 and not root.findall(".//{*}UUID"):
        claimed = tuple(int(described[0].get(name, 0)) for name in ("SizeX", "SizeY"))
        if claimed != (page.imagewidth, page.imagelength):
            raise WrongMetadata(
                f"it describes {claimed[0]} x {claimed[1]} px, the file holds {page.imagewidth} x {page.imagelength} px"
            )
