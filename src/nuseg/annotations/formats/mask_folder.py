"""A folder with one mask file per nucleus, as in the Data Science Bowl 2018."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.formats.binary_mask import read_mask
from nuseg.annotations.labels import present_labels, stack_masks
from nuseg.annotations.raster import ANNOTATION_SUFFIXES
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder
from nuseg.io.find import list_files
from nuseg.io.image import write_png


def read_masks(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a folder of masks, one nucleus each, as a label image.

    Labels follow the sorted file names; empty masks are left out. Where two masks overlap the smaller one
    wins, so that no nucleus is hidden under a larger one.

    Parameters
    ----------
    path : path
    size : (h, w), optional
        Size of the image, where it is known.

    Returns
    -------
    (h, w) int32
        0 = background, 1..N = nuclei.

    Raises
    ------
    NusegError
        The folder has no masks, a mask is unreadable, or the masks differ in size.
    """
    files = mask_files(path)
    if not files:
        raise NusegError(
            f"{path}: no mask files in the folder; expected one {' or '.join(ANNOTATION_SUFFIXES[:2])} per nucleus"
        )
    masks: list[np.ndarray] = []
    shape: tuple[int, ...] = ()
    for file in files:
        mask = read_mask(file, size)
        if shape and mask.shape != shape:
            raise NusegError(
                f"{file}: the mask is {mask.shape[1]}x{mask.shape[0]} but {files[0].name} is "
                f"{shape[1]}x{shape[0]} (width x height); all masks of an image must have its size"
            )
        shape = mask.shape
        if mask.any():
            masks.append(np.flatnonzero(mask))
    return stack_masks(masks, shape)


def mask_files(path: str | Path) -> list[Path]:
    """List the mask files of a folder, sorted by name."""
    return list_files(Path(path), ANNOTATION_SUFFIXES)


class MaskFolder(AnnotationFormat):
    """A folder named as the image."""

    name = "folders"
    help = "a folder per image with one mask file per nucleus"
    kept = "labels"
    lost = "classes, ids, colours, overlaps (the smaller nucleus is on top)"
    convention = "pixels of the image"
    raster = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise a folder that holds pictures."""
        return Sniff(SURE, f"{path} is a folder of masks") if path.is_dir() and mask_files(path) else None

    def find(self, folder: Path) -> list[Path]:
        """List the folders in a folder that hold pictures."""
        return sorted(place for place in folder.iterdir() if place.is_dir() and mask_files(place))

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Number the masks in the order of their names, see `read_masks`.

        Raises
        ------
        NusegError
            It is a file; see `read_masks`.
        """
        if path.is_file():
            raise NusegError(f"{path}: is a file, expected a folder of masks; give format='labels' or 'binary'")
        return Annotation(read_masks(path, shape))

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one PNG of 0 and 255 per nucleus, named by its number."""
        if annotation.labels is None:
            raise NusegError(f"{path}: masks cannot be written of polygons; draw them first")
        numbers = present_labels(annotation.labels).tolist()
        with atomic_folder(path) as folder:
            for number in numbers:
                name = str(number).zfill(len(str(numbers[-1])))
                write_png(folder / f"{name}.png", (annotation.labels == number).astype(np.uint8) * 255)


FORMAT = MaskFolder()
