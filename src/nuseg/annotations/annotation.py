"""What was drawn on one image, whatever the format of the file."""

from dataclasses import dataclass, replace

import numpy as np
import shapely

from nuseg.annotations.labels import present_labels, renumber
from nuseg.annotations.polygons import draw
from nuseg.text import plural


@dataclass(frozen=True, eq=False)
class Annotation:
    """Nuclei or regions of one image, as pixels or as polygons.

    Attributes
    ----------
    labels : (h, w) integer or None
        Label image with the numbers as stored: 0 = background, one number above 0 per nucleus, gaps allowed.
    polygons : tuple of N shapely.Polygon or shapely.MultiPolygon, or None
        One per nucleus, valid, in px of the image as `nuseg.annotations.polygons` counts them.
    classes : tuple of N (str or None), or None
        Class of every nucleus, None where it has none: in the order of `polygons`, or of the numbers in `labels`.
    instance : bool
        Whether touching nuclei are told apart; False for a mask that was taken apart into connected components.
    label_limit : int or None
        Largest number that the file could hold: 255 for a label image of 8 bits.
    notes : tuple of str
        What the user should know of how the file was read, without its name.
    """

    labels: np.ndarray | None = None
    polygons: tuple[shapely.Geometry, ...] | None = None
    classes: tuple[str | None, ...] | None = None
    instance: bool = True
    label_limit: int | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.labels is None) == (self.polygons is None):
            raise ValueError("an annotation has either labels or polygons")
        if self.polygons is not None and self.classes is not None and len(self.classes) != len(self.polygons):
            raise ValueError(f"{len(self.classes)} classes for {len(self.polygons)} polygons")
        if self.labels is not None and (self.labels.ndim != 2 or self.labels.dtype.kind not in "ui"):
            raise ValueError(f"labels of shape {self.labels.shape}, {self.labels.dtype}: expected (h, w) integers")

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width, where the file states them."""
        return None if self.labels is None else (self.labels.shape[0], self.labels.shape[1])

    def label_image(self, shape: tuple[int, int]) -> np.ndarray:
        """Give the label image of an image of `shape`.

        Parameters
        ----------
        shape : (h, w)

        Returns
        -------
        (h, w) integer
            `labels`; or the polygons, numbered from 1, as `nuseg.annotations.polygons.draw` draws them: a pixel
            belongs to the nucleus that holds its centre, and to the smallest of several. Numbers may have gaps.

        Raises
        ------
        ValueError
            The labels have another shape.
        """
        if self.polygons is not None:
            return draw(self.polygons, shape)
        assert self.labels is not None
        if self.labels.shape != shape:
            raise ValueError(f"labels of shape {self.labels.shape}, expected {shape}")
        return self.labels

    def numbered(self, shape: tuple[int, int]) -> "Annotation":
        """Give the same nuclei as an int32 label image of `shape` with the numbers 1..N, and N classes.

        Polygons that hold the centre of no pixel are left out; that, and gaps that were closed, become notes.

        Raises
        ------
        ValueError
            The labels have another shape, or there are not as many classes as numbers.
        """
        drawn = self.label_image(shape)
        present = present_labels(drawn)
        labels, classes, notes = renumber(drawn), self.classes, list(self.notes)
        if self.polygons is not None:
            lost = len(self.polygons) - len(present)
            if lost:
                notes.append(
                    f"{plural(lost, 'polygon')} outside of the image, hidden or too small for a pixel: left out"
                )
            if classes is not None:
                classes = tuple(classes[number - 1] for number in present)
        elif len(present) and int(present[-1]) != len(present):
            notes.append("labels have gaps: renumbered 1..N")
        if classes is not None and len(classes) != len(present):
            raise ValueError(f"{len(classes)} classes for {len(present)} labels")
        return replace(self, labels=labels, polygons=None, classes=classes, notes=tuple(notes))
