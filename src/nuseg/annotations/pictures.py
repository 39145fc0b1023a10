"""Formats in which an annotation is a picture: what they have in common."""

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.colours import drop_alpha
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.raster import Stored, read_picture, refuse_folder
from nuseg.annotations.tracing import pixel_areas
from nuseg.errors import NusegError


class PictureFormat(AnnotationFormat):
    """One picture per image; its subclasses say what the values mean."""

    @abstractmethod
    def of_picture(self, picture: Stored, path: Path) -> Annotation:
        """Say what the values of a picture mean.

        Raises
        ------
        NusegError
            They mean something else; `path` is for the message.
        """

    def ground(self, values: np.ndarray) -> int:
        """Give the value of the background among `values`."""
        return 0

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the picture; see `of_picture`.

        Raises
        ------
        NusegError
            Unreadable, or of another meaning.
        """
        refuse_folder(path)
        return self.of_picture(read_picture(path, shape), path)

    def read_without(self, path: Path, image: str, shape: tuple[int, int] | None, number: int) -> Annotation:
        """Read the picture, pixels of a number as what is not known.

        Raises
        ------
        NusegError
            As `read`, or the picture has colours in place of numbers.
        """
        refuse_folder(path)
        picture = read_picture(path, shape)
        values = drop_alpha(picture.values)
        if values.ndim != 2:
            raise NusegError(f"{path}: has colours, expected numbers, of which {number} is ignored (ignore_label=)")
        unknown = values == number
        shown = picture.shown
        if shown is not None:
            shown = _without(shown, unknown, self.ground(shown))
        rest = replace(picture, values=_without(values, unknown, self.ground(values[~unknown])), shown=shown)
        return replace(self.of_picture(rest, path), vague=areas_of(unknown))


def _without(values: np.ndarray, unknown: np.ndarray, ground: int) -> np.ndarray:
    places = unknown[..., None] if values.ndim == 3 else unknown
    return np.where(places, np.asarray(ground, values.dtype), values)


def areas_of(mask: np.ndarray) -> tuple[shapely.Geometry, ...]:
    """Give what a (h, w) bool mask covers as one area, drawn again the same; empty where it covers nothing."""
    return tuple(pixel_areas(mask.astype(np.int32)))
