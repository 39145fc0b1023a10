"""Open anything that holds pixels as a `Source`: one way in for paths, arrays and images."""

from os import PathLike
from pathlib import Path

from PIL import Image as Pillow

from nuseg.errors import NusegError
from nuseg.io.arrays import Pixels, read_pixels
from nuseg.io.find import SLIDE_SUFFIXES
from nuseg.io.head import FOREIGN_FORMATS, read_head
from nuseg.io.image import Image
from nuseg.io.openslide_reader import PLAIN, OpenSlideReader, detect_vendor
from nuseg.io.paths import user_path
from nuseg.io.raster import RASTER_FORMATS, read_raster
from nuseg.io.reader import ArrayReader
from nuseg.io.resolution import PixelSize
from nuseg.io.source import Source
from nuseg.io.tiff import TIFF_SIGNATURES, open_tiff
from nuseg.io.tiff_layout import check_layout
from nuseg.text import in_short

Picture = str | PathLike[str] | Pixels | Pillow.Image | Image | Source
"""What can be opened: a file, an array of pixels, a Pillow picture, an `Image`, or an open `Source`."""


def open_source(given: Picture) -> Source:
    """Open an image or a slide.

    The format is told by the content, not by the suffix. Scanners' formats are read by OpenSlide, TIFFs of every
    other kind block by block, PNG, JPEG and BMP as a whole. What stored values mean is settled in one place
    (`nuseg.io.pixels`), whatever the file.

    Parameters
    ----------
    given : path, array, Pillow picture, Image or Source
        An array as `nuseg.io.arrays.read_pixels` takes it. A Source is given back.

    Raises
    ------
    NusegError
        The file is missing, a folder, empty, of a kind that is not read, damaged or cut short.

    Examples
    --------
    >>> with open_source("slide.svs") as source:  # doctest: +SKIP
    ...     source.read(0, 1000, 2000, 512, 512).shape
    (512, 512, 3)
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, Image):
        return image_source(given)
    if isinstance(given, str | PathLike):
        return open_file(user_path(Path(given)))
    return Source(None, read_pixels(given))


def open_slide(path: str | Path) -> Source:
    """Open a file, to read it region by region; see `open_source`.

    Parameters
    ----------
    path
        The file. Formats of several files (MRXS, VMS, DICOM) are named by the one that OpenSlide asks for.
    """
    return open_file(user_path(path))


def image_source(image: Image) -> Source:
    """Take an image's pixels and resolution as they are."""
    size = None if image.mpp is None else PixelSize(image.mpp, image.mpp, image.mpp_source or "metadata")
    source = Source(image.path, ArrayReader(image.pixels, size, notes=image.notes))
    source.kind, source.mpp_problem = "image", image.mpp_problem
    return source


def open_file(path: Path) -> Source:
    """Open a file; see `open_source`."""
    try:
        return _open_file(path)
    except NusegError:
        raise
    except Exception as error:  # libraries meet damage with exceptions of every kind
        raise NusegError(
            f"{path}: damaged or of an unknown kind, cannot be opened ({in_short(error)}); copy or export it again"
        ) from error


def _open_file(path: Path) -> Source:
    head = read_head(path)
    is_tiff = head.startswith(TIFF_SIGNATURES)
    notes = check_layout(path) if is_tiff else ()
    if is_vendors(path, head):
        return Source(path, OpenSlideReader(path), open_file)
    if is_tiff:
        return Source(path, open_tiff(path, notes), open_file)
    if path.suffix.lower() in SLIDE_SUFFIXES:  # before what it looks like: an MRXS file is a small picture in JPEG
        raise NusegError(
            f"{path}: damaged or incomplete, OpenSlide does not know it as a slide ({path.suffix.lower()}); copy it "
            "again, with the files that belong to it"
        )
    for signature, image_class in RASTER_FORMATS.items():
        if head.startswith(signature):
            return Source(path, read_raster(path, image_class), open_file)
    found = next((name for at, signature, name in FOREIGN_FORMATS if head[at:].startswith(signature)), "something else")
    raise NusegError(
        f"{path}: expected a PNG, JPEG, TIFF or BMP image or a slide, found {found}; convert it to PNG or TIFF"
    )


def is_vendors(path: Path, head: bytes) -> bool:
    """Whether a file has the format of a scanner's vendor."""
    is_picture = head.startswith(tuple(RASTER_FORMATS)) and path.suffix.lower() not in SLIDE_SUFFIXES
    return not is_picture and detect_vendor(path) not in (None, *PLAIN)


def is_slide(path: Path) -> bool:
    """Whether a file is a slide; see `Source`. What cannot be opened counts as an image unless its suffix says more."""
    if path.suffix.lower() in SLIDE_SUFFIXES:
        return True
    try:
        head = read_head(path)
        if head.startswith(tuple(RASTER_FORMATS)):
            return False
        with open_file(path) as source:
            return source.kind == "slide"
    except NusegError:
        return False


def read_image(path: str | Path) -> Image:
    """Read an image file, or a slide of at most 1000 megapixels, as RGB uint8 with its resolution.

    The format is told by the content, not by the suffix. Every kind of pixel (grey, palette, alpha, 16 bits,
    float) is brought to RGB uint8 by the rules of `nuseg.io.pixels.to_rgb_uint8`. The picture is turned
    upright where the file says how (EXIF or TIFF orientation); embedded colour profiles are not applied. Of a
    file with several pictures the largest is read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Image
        With ``mpp`` from OME-XML, ImageJ's or Aperio's description, the TIFF resolution tags, PNG's pHYs, or
        JPEG's or BMP's density, where they hold a plausible value.

    Raises
    ------
    NusegError
        If the file is missing, a folder, unreadable, empty, not an image, of a kind that is not read, damaged
        or cut short, or larger than 1000 megapixels.

    Examples
    --------
    >>> image = nuseg.read_image("region.tif")  # doctest: +SKIP
    >>> image.pixels.shape, image.mpp  # doctest: +SKIP
    ((1000, 1000, 3), 0.25)
    """
    with open_slide(path) as source:
        pixels = source.read_whole()
        return Image(pixels, source.mpp, source.mpp_source, source.path, source.mpp_problem, source.notes)
