"""Files that belong to images by name: masks of what is not known, regions, annotations before their correction."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.formats.binary_mask import read_mask
from nuseg.annotations.raster import ANNOTATION_SUFFIXES
from nuseg.datasets.find import annotation_paths, find_annotations
from nuseg.datasets.layout import folder_of
from nuseg.datasets.names import Entry, name_search, refuse_twins, shorten
from nuseg.errors import NusegError
from nuseg.io.find import list_files
from nuseg.types import Mask


class Beside:
    """Files in a folder, or a file, that an option names; `used` are those that were asked for."""

    def __init__(self, option: str, place: Path, entries: list[Entry]) -> None:
        self.option, self.place, self.entries = option, place, entries
        self.used: set[Entry] = set()
        refuse_twins(entries)
        self._find: Callable[[str, str], list[Entry]] = name_search(entries)

    def of(self, name: str) -> Entry | None:
        """Find what belongs to the image of a name.

        Raises
        ------
        NusegError
            Several fit.
        """
        found = self._find(name, shorten(name))
        if len(found) > 1:
            listed = ", ".join(entry.name for entry in found)
            raise NusegError(f"{self.place}: several fit the image {name} ({listed}); leave one ({self.option}=)")
        self.used.update(found)
        return found[0] if found else None

    @property
    def unused(self) -> list[str]:
        """Names of those that belong to no image."""
        return [entry.name for entry in self.entries if entry not in self.used]


class Masks(Beside):
    """Masks by name."""

    def __init__(self, option: str, source: Path, given: str) -> None:
        place = folder_of(source, given, (), option)
        files = [place] if place.is_file() else list_files(place, ANNOTATION_SUFFIXES)
        if not files:
            raise NusegError(f"{place}: no masks found in it, expected pictures named like the images ({option}=)")
        super().__init__(option, place, [Entry(file) for file in files])

    def read(self, name: str, shape: tuple[int, int]) -> Mask | None:
        """Read the mask of an image of `shape` (h, w), bool; None where it has none.

        Raises
        ------
        NusegError
            Unreadable, or of another size.
        """
        entry = self.of(name)
        if entry is None:
            return None
        mask: Mask = np.asarray(read_mask(entry.path, shape), bool)
        if mask.shape != shape:
            raise NusegError(
                f"{entry.path}: the mask is {mask.shape[1]}x{mask.shape[0]} but the image {name} is "
                f"{shape[1]}x{shape[0]} (width x height); export it at the image's size"
            )
        return mask


class Annotations(Beside):
    """Annotations in any format by name."""

    def __init__(self, option: str, source: Path, given: str) -> None:
        place = folder_of(source, given, (), option)
        paths = annotation_paths(place)
        found = find_annotations(paths) if paths else None
        if found is None or not found.entries:
            raise NusegError(f"{place}: no annotations found in it, expected files named like the images ({option}=)")
        self.format: AnnotationFormat = found.format
        super().__init__(option, place, list(found.entries))

    def read(self, name: str, canvas: Canvas) -> Annotation | None:
        """Read what belongs to an image; None where there is nothing.

        Raises
        ------
        NusegError
            Unreadable.
        """
        entry = self.of(name)
        if entry is None:
            return None
        return self.format.load(entry.path, entry.image or name, canvas.shape, canvas)
