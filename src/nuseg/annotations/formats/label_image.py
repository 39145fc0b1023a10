"""Label images: one number per nucleus, 0 for background."""

from pathlib import Path

import numpy as np
import tifffile

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import looks_binary, present_labels
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, drop_alpha, read_raw, refuse_folder
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.image import write_png

LARGEST_IN_PNG = 65535


def read_stored(path: str | Path) -> np.ndarray:
    """Read a label image with the values as stored, gaps included.

    A colour table is ignored (its indices are the labels), alpha is dropped, equal channels count as one.

    Returns
    -------
    (h, w) bool or integer
        Values 0 and above.

    Raises
    ------
    NusegError
        Unreadable, coloured, negative, or with fractions or NaN.
    """
    values = drop_alpha(read_raw(path))
    if values.ndim == 3:
        raise NusegError(
            f"{path}: the label image has colours, expected one number per nucleus in a single channel; "
            "export it as 16-bit greyscale, or in black and white if it is a mask"
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise NusegError(
                f"{path}: the label image has fractions or NaN, expected whole numbers; export it as 16-bit"
            )
        values = values.astype(np.int64)
    if values.dtype.kind not in "bui":
        raise NusegError(f"{path}: the label image holds {values.dtype}, expected whole numbers")
    if values.dtype.kind == "i" and values.min() < 0:
        raise NusegError(f"{path}: the label image has the negative label {values.min()}; use 0 for background")
    return values


class LabelImage(AnnotationFormat):
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
            values = drop_alpha(read_raw(path))
        except NusegError:
            return Sniff(BY_NAME, f"{path.name} ends as a picture")
        if values.ndim == 3:
            return None
        count = len(present_labels(values)) if values.dtype.kind in "buif" else 0
        if count > 1:
            return Sniff(SURE, f"{path.name} has {count} different labels")
        return Sniff(BY_NAME, f"{path.name} has no more than one nucleus")

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the numbers as stored.

        Raises
        ------
        NusegError
            See `read_stored`; or it is a binary mask, whose pieces would count as one nucleus.
        """
        refuse_folder(path)
        stored = read_stored(path)
        if looks_binary(stored):
            raise NusegError(
                f"{path}: is a binary mask (values {{0, {int(stored.max())}}} on several pieces), expected one number "
                "per nucleus; give format='binary' to number the pieces"
            )
        labels = stored.astype(np.uint8) if stored.dtype == bool else stored
        limit = int(np.iinfo(stored.dtype).max) if stored.dtype.kind in "ui" else None
        return Annotation(labels, label_limit=limit)

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
