"""What was drawn on one image, whatever the format of the file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import shapely

from nuseg.annotations.labels import present_labels, renumber
from nuseg.annotations.polygons import draw
from nuseg.annotations.tracing import pixel_areas
from nuseg.io.tiff_layout import MAX_SIDE
from nuseg.text import plural

Colour = tuple[int, int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Canvas:
    """The image that was drawn on, as far as it is known.

    Attributes
    ----------
    name : str or None
        Name of its file: "a1.png".
    shape : (h, w) or None
    mpp : float or None
        um per pixel.
    path : Path or None
        The file itself, where it is at hand.
    """

    name: str | None = None
    shape: tuple[int, int] | None = None
    mpp: float | None = None
    path: Path | None = None

    def over(self, other: "Canvas") -> "Canvas":
        """Give what this one knows, and what else the other knows."""
        return Canvas(
            name=self.name if self.name is not None else other.name,
            shape=self.shape if self.shape is not None else other.shape,
            mpp=self.mpp if self.mpp is not None else other.mpp,
            path=self.path if self.path is not None else other.path,
        )


def stated_shape(height: object, width: object) -> tuple[int, int] | None:
    """Give height and width as a file states them, as numbers or text; None where it does not, or not of any image."""
    try:
        sides = tuple(int(side) for side in (height, width) if isinstance(side, int | float | str | np.number))
    except (ValueError, OverflowError):
        return None
    return (sides[0], sides[1]) if len(sides) == 2 and all(1 <= side <= MAX_SIDE for side in sides) else None


@dataclass(frozen=True, eq=False)
class Annotation:
    """Nuclei or regions of one image, as pixels, as polygons, or as a point each.

    Attributes
    ----------
    labels : (h, w) integer or None
        Label image with the numbers as stored: 0 = background, one number above 0 per nucleus, gaps allowed.
    polygons : tuple of N shapely.Polygon or shapely.MultiPolygon, or None
        One per nucleus, valid, in px of the image as `nuseg.annotations.polygons` counts them.
    points : (N, 2) float or None
        x and y of one point per nucleus, in px as those of `polygons`: of annotations without outlines.
    classes : tuple of N (str or None), or None
        Class of every nucleus, None where it has none: in the order of `polygons` or `points`, or of the numbers in
        `labels`.
    instance : bool
        Whether touching nuclei are told apart; False for a mask that was taken apart into connected components.
    label_limit : int or None
        Largest number that the file could hold: 255 for a label image of 8 bits.
    notes : tuple of str
        What the user should know of how the file was read, without its name.
    ids : tuple of N (str or None), or None
        What the file calls every nucleus, where it does, such as QuPath's identifiers; in the order of `classes`.
    vocabulary : tuple of str
        Names of classes in the order in which the file lists or numbers them, those without a nucleus included.
    colours : mapping of str to (r, g, b)
        Colours of classes, 0..255 each, where the file has them.
    vague : tuple of shapely.Geometry
        Regions in which nuclei are not drawn one by one, such as COCO's crowds.
    detections : tuple of N bool, or None
        Which of `polygons` a program found, where the file tells them from what somebody drew, as QuPath's do.
    titles : tuple of N (str or None), or None
        What somebody called each of `polygons`, such as the name of an annotation in QuPath.
    canvas : Canvas
        What the file says of the image.
    regions : tuple of shapely.Geometry, or None
        Areas in which every nucleus is annotated, where the file tells them; None: it does not.
    """

    labels: np.ndarray | None = None
    polygons: tuple[shapely.Geometry, ...] | None = None
    classes: tuple[str | None, ...] | None = None
    instance: bool = True
    label_limit: int | None = None
    notes: tuple[str, ...] = ()
    ids: tuple[str | None, ...] | None = None
    vocabulary: tuple[str, ...] = ()
    colours: Mapping[str, Colour] = field(default_factory=dict)
    vague: tuple[shapely.Geometry, ...] = ()
    detections: tuple[bool, ...] | None = None
    points: np.ndarray | None = None
    titles: tuple[str | None, ...] | None = None
    canvas: Canvas = Canvas()
    regions: tuple[shapely.Geometry, ...] | None = None

    def __post_init__(self) -> None:
        if sum(held is not None for held in (self.labels, self.polygons, self.points)) != 1:
            raise ValueError("an annotation has either labels or polygons, or points")
        for what, drawn in (("polygons", self.polygons), ("points", self.points)):
            for held, values in (
                ("classes", self.classes),
                ("ids", self.ids),
                ("detections", self.detections),
                ("titles", self.titles),
            ):
                if drawn is not None and values is not None and len(values) != len(drawn):
                    raise ValueError(f"{len(values)} {held} for {len(drawn)} {what}")
        if self.points is not None and (self.points.ndim != 2 or self.points.shape[1] != 2):
            raise ValueError(f"points of shape {self.points.shape}, expected (n, 2)")
        if self.labels is not None and (self.labels.ndim != 2 or self.labels.dtype.kind not in "ui"):
            raise ValueError(f"labels of shape {self.labels.shape}, {self.labels.dtype}: expected (h, w) integers")

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width, where the file states them."""
        return self.canvas.shape if self.labels is None else (self.labels.shape[0], self.labels.shape[1])

    @cached_property
    def areas(self) -> tuple[shapely.Geometry, ...]:
        """One area per nucleus: the polygons, or those that a label image covers, see `pixel_areas`.

        Raises
        ------
        ValueError
            Nuclei are points.
        """
        if self.polygons is not None:
            return self.polygons
        if self.labels is None:
            raise ValueError("nuclei are points, without outlines")
        return tuple(pixel_areas(renumber(self.labels)))

    @property
    def count(self) -> int:
        """Number of nuclei."""
        return len(self.areas) if self.points is None else len(self.points)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Class of every nucleus."""
        return (None,) * self.count if self.classes is None else self.classes

    @property
    def identifiers(self) -> tuple[str | None, ...]:
        """Id of every nucleus."""
        return (None,) * self.count if self.ids is None else self.ids

    @property
    def all_classes(self) -> tuple[str, ...]:
        """Names of all classes: those of `vocabulary` in their order, then others as they come."""
        used = (name for name in self.classes or () if name is not None)
        return tuple(dict.fromkeys((*self.vocabulary, *used)))

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
            The labels have another shape, or nuclei are points.
        """
        if self.polygons is not None:
            return draw(self.polygons, shape)
        if self.labels is None:
            raise ValueError("nuclei are points, without outlines")
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
        labels, classes, ids, notes = renumber(drawn), self.classes, self.ids, list(self.notes)
        if self.polygons is not None:
            lost = len(self.polygons) - len(present)
            if lost:
                notes.append(
                    f"{plural(lost, 'polygon')} outside of the image, hidden or too small for a pixel: left out"
                )
            classes, ids = _chosen(classes, present), _chosen(ids, present)
        elif len(present) and int(present[-1]) != len(present):
            notes.append("labels have gaps: renumbered 1..N")
        for what, held in (("classes", classes), ("ids", ids)):
            if held is not None and len(held) != len(present):
                raise ValueError(f"{len(held)} {what} for {len(present)} labels")
        return replace(
            self,
            labels=labels,
            polygons=None,
            classes=classes,
            ids=ids,
            detections=None,
            titles=None,
            notes=tuple(notes),
        )

    def chosen(self, kept: Sequence[bool] | np.ndarray) -> "Annotation":
        """Give some of the nuclei of polygons or points; `kept` says of each whether it stays."""
        places = np.flatnonzero(np.asarray(kept, bool))

        def some_of(held: tuple[T, ...] | None) -> tuple[T, ...] | None:
            return None if held is None else tuple(held[place] for place in places)

        return replace(
            self,
            polygons=some_of(self.polygons),
            points=None if self.points is None else self.points[places],
            classes=some_of(self.classes),
            ids=some_of(self.ids),
            detections=some_of(self.detections),
            titles=some_of(self.titles),
        )


def some(values: Iterable[str | None]) -> tuple[str | None, ...] | None:
    """Give classes or ids as an annotation holds them: None where no nucleus has any."""
    held = tuple(values)
    return held if any(value is not None for value in held) else None


def _chosen(held: tuple[str | None, ...] | None, numbers: np.ndarray) -> tuple[str | None, ...] | None:
    """Give what belongs to some numbers, counted from 1."""
    return None if held is None else tuple(held[number - 1] for number in numbers)
