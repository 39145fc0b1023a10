"""Binary masks: nuclei against background; every connected component becomes a nucleus."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.colours import drop_alpha, number_colours
from nuseg.annotations.format import LIKELY, SURE, Sniff
from nuseg.annotations.labels import components, looks_inverted
from nuseg.annotations.meaning import judge
from nuseg.annotations.pictures import PictureFormat
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, Stored, read_picture
from nuseg.errors import NusegError
from nuseg.io.image import write_png

# Pixels neither dark nor bright, per bright one and of all. Lossy compression and smoothed edges of small
# nuclei make up to a quarter per bright one; label images and photographs have more.
_GREY_TO_BRIGHT = 0.5
_GREY_OF_ALL = 0.2
_FEW_COLOURS = 20  # of classes


def read_mask(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a mask stored as 0/1, 0/255, any two values, RGB, RGBA, with a colour table, or as JPEG.

    With two values the larger one is nuclei. With more (smoothed or compressed edges) the limit is half of
    the largest. Of two colours, and of a few, black is background, else white; of more the brightest channel counts.
    With a colour table index 0 is background, whatever its colour, unless it then looks inverted and its colours do
    not.

    Parameters
    ----------
    path : path
    shape : (h, w), optional
        Size of the image, where it is known.

    Returns
    -------
    (h, w) bool
        True = nuclei.

    Raises
    ------
    NusegError
        Unreadable, NaN, or too many pixels neither dark nor bright: no binary mask.
    """
    return mask_of(read_picture(path, shape), path)


def mask_of(picture: Stored, path: str | Path) -> np.ndarray:
    """Make a mask of a picture, (h, w) bool; see `read_mask`."""
    stored, shown = drop_alpha(picture.values), picture.shown
    if shown is None:
        return binarise(stored, path)
    shown = drop_alpha(shown)
    grey = picture.indexed and shown.ndim == 2 and len(np.unique(stored)) > 2
    if grey or stored.min() > 0:  # the indices of shades mean nothing
        return binarise(shown, path)
    mask = stored > 0 if picture.indexed else binarise(stored, path)
    if looks_inverted(mask) and not looks_inverted(as_shown := binarise(shown, path)):
        return as_shown
    return mask


def binarise(values: np.ndarray, path: str | Path) -> np.ndarray:
    """Part (h, w) values or (h, w, 3) colours into nuclei and background, (h, w) bool; see `read_mask`."""
    if values.ndim == 3:
        numbers = number_colours(values)
        if numbers is not None and numbers.max() <= _FEW_COLOURS:
            return numbers > 0
        values = values.max(axis=2)
    if values.dtype.kind not in "buif" or not np.isfinite(values).all():
        raise NusegError(f"{path}: the mask holds NaN or no numbers, expected 0 and 255 for nuclei")
    low, high = values.min(), values.max()
    if low == high:
        return np.full(values.shape, high > 0)
    if ((values == low) | (values == high)).all():
        return np.asarray(values == high)
    if not few_greys(values):
        raise NusegError(
            f"{path}: no binary mask: {len(np.unique(values))} values, many neither dark nor bright; "
            "export two values, or, if it is a label image, PNG or TIFF, and give format='labels'"
        )
    return values.astype(np.float64) / float(high) >= 0.5


def few_greys(values: np.ndarray) -> bool:
    """Whether few pixels of (h, w) values are neither dark nor bright, as in a mask."""
    share = values.astype(np.float64) / float(values.max())
    grey = int(((share > 0.2) & (share < 0.8)).sum())
    return grey <= min(_GREY_TO_BRIGHT * int((share >= 0.8).sum()), _GREY_OF_ALL * share.size)


class BinaryMask(PictureFormat):
    """Pixels of nuclei against background; touching nuclei are one."""

    name = "binary"
    help = "black and white, every connected piece becomes a nucleus"
    suffixes = ANNOTATION_SUFFIXES
    written_suffixes = (".png",)
    kept = "where nuclei are"
    lost = "which pixels are one nucleus where they touch, classes, ids, colours"
    convention = "pixels of the image"
    raster = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise one value on several pieces, shades and colours that are none of nuclei, and JPEGs.

        In a JPEG numbers would be wrong.
        """
        if not self.claims(path):
            return None
        if path.suffix.lower() in LOSSY_SUFFIXES:
            return Sniff(LIKELY, f"{path.name} is a JPEG, which holds a mask at best")
        picture = read_picture(path)
        values = drop_alpha(picture.values)
        numbers = number_colours(values) if values.ndim == 3 else values
        if numbers is None:
            return Sniff(SURE, f"{path.name} has colours")
        meaning = judge(numbers)
        kind = meaning.kind
        if values.ndim == 3 and meaning.crumbs:
            return Sniff(SURE, f"{path.name} has colours")
        if kind == "labels" or (kind == "shades" and not few_greys(values)) or looks_inverted(mask_of(picture, path)):
            return None
        if kind == "shades":
            return Sniff(LIKELY, f"{path.name} has shades of a mask")
        return Sniff(LIKELY, f"{path.name} has one {'colour' if values.ndim == 3 else 'value'} for all nuclei")

    def of_picture(self, picture: Stored, path: Path) -> Annotation:
        """Number the 4-connected components.

        Pixels that meet at a corner alone are apart: a diagonal background line one pixel wide parts two nuclei.

        Raises
        ------
        NusegError
            See `read_mask`; or the mask looks inverted.
        """
        mask = mask_of(picture, path)
        if looks_inverted(mask):
            raise NusegError(
                f"{path}: the mask looks inverted: what should be nuclei covers {mask.mean():.0%} of the picture in "
                "one piece that reaches all sides; give format='inverted' if nuclei are dark on bright ground"
            )
        return Annotation(components(mask), instance=False, notes=picture.notes)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write 0 and 255 as PNG."""
        if annotation.labels is None:
            raise NusegError(f"{path}: a mask is written of a label image, found polygons; draw them first")
        if path.suffix.lower() != ".png":
            raise NusegError(f"{path}: a mask is written as PNG; end the name in .png")
        write_png(path, (annotation.labels > 0).astype(np.uint8) * 255)


FORMAT = BinaryMask()
