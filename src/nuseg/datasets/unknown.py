"""Areas whose content is not known: neither nucleus nor background, and ignored by training and scores.

What is annotated is known: where such an area lies over a nucleus, the nucleus keeps its pixels and counts."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.labels import present_labels
from nuseg.annotations.pictures import areas_of
from nuseg.annotations.polygons import draw
from nuseg.types import LabelImage, Mask

POINT_RADIUS_UM = 6.0
"""Around a point of a class that means unknown: about the radius of a large nucleus."""


def set_aside(annotation: Annotation, names: Collection[str], mpp: float) -> Annotation:
    """Make areas that are not known of the nuclei of some classes.

    Parameters
    ----------
    annotation : Annotation
    names : collection of str
        Classes that mean "not known". Points of them become discs.
    mpp : float
        Resolution (um/px).

    Returns
    -------
    Annotation
        Without those nuclei and classes, their areas in `vague`.

    Raises
    ------
    ValueError
        There are not as many classes as nuclei.
    """
    vocabulary = tuple(name for name in annotation.vocabulary if name not in names)
    annotation = replace(annotation, vocabulary=vocabulary)
    if annotation.classes is None or not set(annotation.classes) & set(names):
        return annotation
    kept = np.array([name not in names for name in annotation.classes])
    if annotation.labels is not None:
        return _without_labels(annotation, annotation.labels, kept)
    if annotation.points is not None:
        gone = shapely.buffer(shapely.points(annotation.points[~kept]), POINT_RADIUS_UM / mpp)
    else:
        gone = np.asarray(annotation.areas, object)[~kept]
    return replace(annotation.chosen(kept), vague=(*annotation.vague, *gone))


def _without_labels(annotation: Annotation, labels: LabelImage, kept: Mask) -> Annotation:
    numbers = present_labels(labels)
    if len(numbers) != len(kept):
        raise ValueError(f"{len(kept)} classes for {len(numbers)} labels")
    unknown = np.isin(labels, numbers[~kept])

    def some_of(held: Sequence[str | None] | None) -> tuple[str | None, ...] | None:
        return None if held is None else tuple(value for value, stays in zip(held, kept, strict=True) if stays)

    return replace(
        annotation,
        labels=np.where(unknown, labels.dtype.type(0), labels),
        classes=some_of(annotation.classes),
        ids=some_of(annotation.ids),
        vague=(*annotation.vague, *areas_of(unknown)),
    )


def unknown_area(annotation: Annotation, shape: tuple[int, int], further: Mask | None = None) -> tuple[Mask, int]:
    """Draw what is not known of an image.

    Parameters
    ----------
    annotation : Annotation
        With a label image of the numbers 1..N, or points.
    shape : (h, w)
        Of the image (px).
    further : (h, w) bool, optional
        Unknown beside `annotation.vague`.

    Returns
    -------
    unknown : (h, w) bool
        Without the pixels of nuclei.
    covered : int
        Nuclei that an unknown area lies over, with more than half of their pixels.

    Raises
    ------
    ValueError
        The areas lie over each other so often that drawing them would take hours.
    """
    unknown = draw(annotation.vague, shape) > 0
    if further is not None:
        unknown |= further
    if annotation.labels is None:
        return unknown, 0
    areas = np.bincount(annotation.labels.ravel())[1:]
    under = np.bincount(annotation.labels[unknown], minlength=len(areas) + 1)[1:]
    return unknown & (annotation.labels == 0), int((2 * under > areas).sum())
