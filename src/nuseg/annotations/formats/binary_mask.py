"""Binary masks: nuclei against background; every connected component becomes a nucleus."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import LIKELY, SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import components, looks_binary
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, drop_alpha, read_raw, refuse_folder
from nuseg.errors import NusegError
from nuseg.io.image import write_png

# Pixels neither dark nor bright, per bright one and of all. Lossy compression and smoothed edges of small
# nuclei make up to a quarter per bright one; label images and photographs have more.
_GREY_TO_BRIGHT = 0.5
_GREY_OF_ALL = 0.2


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask stored as 0/1, 0/255, any two values, RGB, RGBA, with a colour table, or as JPEG.

    With two values the larger one is nuclei. With more (smoothed or compressed edges) the limit is half of
    the largest. In colour the brightest channel counts.

    Returns
    -------
    (h, w) bool
        True = nuclei.

    Raises
    ------
    NusegError
        Unreadable, NaN, or too many pixels neither dark nor bright: no binary mask.
    """
    values = drop_alpha(read_raw(path, palette=True))
    if values.ndim == 3:
        values = values.max(axis=2)
    if values.dtype.kind not in "buif" or not np.isfinite(values).all():
        raise NusegError(f"{path}: the mask holds NaN or no numbers, expected 0 and 255 for nuclei")
    low, high = values.min(), values.max()
    if low == high:
        return np.full(values.shape, high > 0)
    if ((values == low) | (values == high)).all():
        return np.asarray(values == high)
    share = values.astype(np.float64) / float(high)
    grey = int(((share > 0.2) & (share < 0.8)).sum())
    if grey > min(_GREY_TO_BRIGHT * int((share >= 0.8).sum()), _GREY_OF_ALL * share.size):
        raise NusegError(
            f"{path}: no binary mask: {len(np.unique(values))} values, many neither dark nor bright; "
            "export two values, or, if it is a label image, PNG or TIFF, and give format='labels'"
        )
    return share >= 0.5


class BinaryMask(AnnotationFormat):
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
        """Recognise colours, one value on several pieces, and JPEGs, in which numbers would be wrong."""
        if not self.claims(path):
            return None
        if path.suffix.lower() in LOSSY_SUFFIXES:
            return Sniff(LIKELY, f"{path.name} is a JPEG, which holds a mask at best")
        values = drop_alpha(read_raw(path))
        if values.ndim == 3:
            return Sniff(SURE, f"{path.name} has colours")
        if looks_binary(values):
            return Sniff(LIKELY, f"{path.name} has one value for all nuclei")
        return None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Number the 4-connected components.

        Pixels that meet at a corner alone are apart: a diagonal background line one pixel wide parts two nuclei.

        Raises
        ------
        NusegError
            See `read_mask`.
        """
        refuse_folder(path)
        return Annotation(components(read_mask(path)), instance=False)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write 0 and 255 as PNG."""
        if annotation.labels is None:
            raise NusegError(f"{path}: a mask is written of a label image, found polygons; draw them first")
        if path.suffix.lower() != ".png":
            raise NusegError(f"{path}: a mask is written as PNG; end the name in .png")
        write_png(path, (annotation.labels > 0).astype(np.uint8) * 255)


FORMAT = BinaryMask()
