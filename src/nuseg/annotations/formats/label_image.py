"""Label images: one number per nucleus, 0 for background."""

from pathlib import Path

import numpy as np
import tifffile

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.colours import drop_alpha, number_colours
from nuseg.annotations.format import BY_NAME, SURE, Sniff
from nuseg.annotations.meaning import judge
from nuseg.annotations.pictures import PictureFormat
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, Stored, read_picture
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.image import write_png

LARGEST_IN_PNG = 65535
LARGEST_NUMBER = 2**53  # of whole floats


def read_stored(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label image with the values as stored, gaps included.

    A colour table is ignored (its indices are the labels), equal channels count as one, every colour of a coloured
    picture as a number, transparent pixels as background. Pages with a mask each are a nucleus each.

    Parameters
    ----------
    path : path
    shape : (h, w), optional
        Size of the image, where it is known.

    Returns
    -------
    (h, w) bool or integer
        Values 0 and above.

    Raises
    ------
    NusegError
        Unreadable, a coloured photograph, negative, or with fractions or NaN.
    """
    return numbers_of(read_picture(path, shape).values, path)


def numbers_of(stored: np.ndarray, path: str | Path) -> np.ndarray:
    """Give the numbers of a picture, (h, w) bool or integer of 0 and above; see `read_stored`."""
    values = drop_alpha(stored)
    if values.ndim == 3:
        numbers = number_colours(values)
        if numbers is None or judge(numbers).crumbs:
            raise NusegError(
                f"{path}: the label image has colours in between, expected one number or colour per nucleus; "
                "export it as 16-bit greyscale, or in black and white if it is a mask"
            )
        return numbers
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise NusegError(
                f"{path}: the label image has fractions or NaN, expected whole numbers; export it as 16-bit"
            )
        if np.abs(values).max() > LARGEST_NUMBER:
            raise NusegError(f"{path}: the label image has the number {np.abs(values).max():g}; number from 1")
        values = values.astype(np.int64)
    if values.dtype.kind not in "bui":
        raise NusegError(f"{path}: the label image holds {values.dtype}, expected whole numbers")
    if values.dtype.kind == "i" and values.min() < 0:
        share = (values < 0).mean()
        raise NusegError(
            f"{path}: the label image has the negative label {values.min()} ({share:.0%} of its pixels below 0); use 0 "
            "for background and for what is to be ignored, and number nuclei from 1"
        )
    return values


class LabelImage(PictureFormat):
    """A picture in which every nucleus has its own number."""

    name = "labels"
    help = "one number per nucleus"
    suffixes = ANNOTATION_SUFFIXES
    written_suffixes = (".tif", ".tiff", ".png", ".npy")
    kept = "labels"
    lost = "classes, ids, colours, overlaps (the smaller nucleus is on top)"
    convention = "pixels of the image"
    raster = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise several numbers; a picture that cannot be read may be one, too."""
        if not self.claims(path) or path.suffix.lower() in LOSSY_SUFFIXES:
            return None
        try:
            stored = read_picture(path).values
        except NusegError:
            return Sniff(BY_NAME, f"{path.name} ends as a picture")
        try:
            numbers = numbers_of(stored, path)
        except NusegError:
            return None if drop_alpha(stored).ndim == 3 else Sniff(BY_NAME, f"{path.name} ends as a picture")
        meaning = judge(numbers)
        if meaning.kind == "labels" and meaning.count > 1:
            return Sniff(SURE, f"{path.name} has {meaning.count} different labels")
        return Sniff(BY_NAME, f"{path.name} has no more than one nucleus")

    def of_picture(self, picture: Stored, path: Path) -> Annotation:
        """Take the numbers as stored.

        Raises
        ------
        NusegError
            See `read_stored`; or the numbers are not those of nuclei, by the pieces of each: a mask, classes, or
            numbers that were clipped or began again.
        """
        stored = numbers_of(picture.values, path)
        meaning = judge(stored)
        if meaning.kind in ("mask", "inverted"):
            name = "binary" if meaning.kind == "mask" else "inverted"
            raise NusegError(
                f"{path}: is a binary mask (values {{{int(stored.min())}, {int(stored.max())}}} on several pieces), "
                f"expected one number per nucleus; give format='{name}' to number the pieces"
            )
        if meaning.kind == "shades":
            raise NusegError(
                f"{path}: holds {meaning.count} numbers in crumbs, as smoothed or compressed edges are, expected one "
                "number per nucleus; give format='binary' if it is a mask, or export it without compression losses"
            )
        if meaning.problem is not None:
            raise NusegError(f"{path}: {meaning.problem}")
        labels = stored.astype(np.uint8) if stored.dtype == bool else stored
        limit = int(np.iinfo(stored.dtype).max) if stored.dtype.kind in "ui" else None
        return Annotation(labels, label_limit=limit, notes=picture.notes)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write a 16-bit PNG (labels up to 65535) or, where the name ends so, a 32-bit TIFF or NumPy array."""
        if annotation.labels is None:
            raise NusegError(f"{path}: a label image cannot be written of polygons; draw them first")
        if path.suffix.lower() in (".tif", ".tiff"):
            with atomic_path(path) as temporary:
                tifffile.imwrite(temporary, annotation.labels.astype(np.int32), compression="zlib")
        elif path.suffix.lower() == ".npy":
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, annotation.labels.astype(np.int32))
        elif path.suffix.lower() == ".png" and int(annotation.labels.max(initial=0)) <= LARGEST_IN_PNG:
            write_png(path, annotation.labels.astype(np.uint16))
        else:
            raise NusegError(
                f"{path}: label images are written as .tif, .npy or, up to label {LARGEST_IN_PNG}, as .png"
            )


FORMAT = LabelImage()
