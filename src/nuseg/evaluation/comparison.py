"""Truth and prediction of one image, as label images or as points: how they are scored, and drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from nuseg.annotations.labels import present_labels
from nuseg.annotations.tables import Points
from nuseg.datasets.seen import Use
from nuseg.evaluation.classes import Confusion, class_scores, confuse, multi_class_quality
from nuseg.evaluation.contingency import find_overlaps, in_order
from nuseg.evaluation.details import Details, box_of, come_true, match_outlines, right_outlines
from nuseg.evaluation.detection import detect, detection_scores, points_of
from nuseg.evaluation.errors import Failure, find_failures, point_failures
from nuseg.evaluation.ignoring import leave_out
from nuseg.evaluation.report import score_image, without_scores
from nuseg.plot.comparison import draw_comparison, draw_piece, draw_points
from nuseg.plot.pieces import around
from nuseg.types import RGB, Floats, LabelImage, Mask


class Comparison(Protocol):
    """What is compared on one image.

    Attributes
    ----------
    pixels : (h, w, 3) uint8 or None
        The image, where it is known.
    parted : bool
        Whether the prediction was a mask, taken apart into its connected components.
    seen : {"train", "validation"} or None
        What the model that predicted used the image for before, as far as it says.
    ignore : (h, w) bool or None
        True where it is not known what is there.
    rank : str
        The score that the worst images are chosen by.
    """

    @property
    def pixels(self) -> RGB | None: ...

    @property
    def parted(self) -> bool: ...

    @property
    def seen(self) -> Use | None: ...

    @property
    def ignore(self) -> Mask | None: ...

    @property
    def rank(self) -> str: ...

    def scores(self) -> dict[str, float]:
        """All scores of the image."""

    def details(self) -> Details | None:
        """What it tells beside its scores; None where the truth is a mask, in which nuclei are not told apart."""

    def picture_of(self, failure: Failure) -> RGB | None:
        """A part of the image that shows an error; None where there is no image."""

    def picture(self, caption: str) -> RGB | None:
        """Truth and prediction drawn on the image; None where there is no image."""


@dataclass(frozen=True)
class Compared:
    """Truth and prediction of one image, (h, w) integer label images; see `Comparison`.

    Attributes
    ----------
    instance : bool
        Whether the truth tells touching nuclei apart.
    radius : float or None
        Within which a nucleus is detected (px); None where the resolution is not known.
    mpp : float or None
        Resolution (um/px), where it is known.
    probability : (m,) float or None
        Stated for each predicted nucleus, 0..1, in the order of their numbers.
    true_classes, pred_classes : mapping of int to str
        Class of each number in the label images; empty where there are none.
    """

    truth: LabelImage
    prediction: LabelImage
    pixels: RGB | None = None
    instance: bool = True
    parted: bool = False
    seen: Use | None = None
    ignore: Mask | None = None
    radius: float | None = None
    mpp: float | None = None
    probability: Floats | None = None
    true_classes: Mapping[int, str] = field(default_factory=dict)
    pred_classes: Mapping[int, str] = field(default_factory=dict)

    @property
    def rank(self) -> str:
        """AJI; Dice where the truth is a mask."""
        return "aji" if self.instance else "dice"

    def scores(self) -> dict[str, float]:
        """Scores of outlines; of detection as well, where nuclei are told apart and the radius is known."""
        scores = score_image(self.truth, self.prediction, self.instance, self.ignore)
        if not self.instance or self.radius is None:
            return scores
        true, pred = self.points()
        detection = detection_scores(true, pred, self.radius)
        return {**without_scores(detection, self.ignore), **scores, **self.class_scores()}

    @property
    def has_classes(self) -> bool:
        """Whether both sides know classes."""
        return bool(self.true_classes and self.pred_classes)

    def points(self) -> tuple[Points, Points]:
        """The nuclei that count as points, with their classes where both sides know some."""
        counted = leave_out(self.truth, self.prediction, self.ignore)
        if not self.has_classes:
            true, pred = map(points_of, counted)
            return true, pred
        true, pred = (
            points_of(labels, [names.get(number) for number in present_labels(labels).tolist()])
            for labels, names in zip(counted, (self.true_classes, self.pred_classes), strict=True)
        )
        return true, pred

    def confusion(self) -> Confusion | None:
        """Which classes were taken for which; None where a side knows none."""
        if not self.has_classes or self.radius is None:
            return None
        return confuse(*self.points(), self.radius)

    def class_scores(self) -> dict[str, float]:
        """Scores of classes; none where a side knows none."""
        confusion = self.confusion()
        if confusion is None:
            return {}
        true, pred = leave_out(self.truth, self.prediction, self.ignore)
        named = [
            [names.get(number) for number in in_order(labels).tolist()]
            for labels, names in ((true, self.true_classes), (pred, self.pred_classes))
        ]
        quality = multi_class_quality(find_overlaps(true, pred), *named)
        return without_scores(class_scores(confusion) | quality, self.ignore)

    def details(self) -> Details | None:
        """Matches at every IoU, sizes, errors by kind, and whether probabilities come true."""
        if not self.instance:
            return None
        true, pred = leave_out(self.truth, self.prediction, self.ignore)
        overlaps = find_overlaps(true, pred)
        stated = None
        if self.probability is not None:
            numbers = np.unique(self.prediction[self.prediction > 0])
            stated = come_true(numbers, self.probability, *right_outlines(overlaps, pred))
        return Details(find_failures(overlaps), match_outlines(overlaps, self.mpp), stated, self.confusion())

    def picture_of(self, failure: Failure) -> RGB | None:
        """Both outlines around an error."""
        if self.pixels is None:
            return None
        true, pred = leave_out(self.truth, self.prediction, self.ignore)
        concerned = np.isin(true, in_order(true)[list(failure.true)])
        concerned |= np.isin(pred, in_order(pred)[list(failure.pred)])
        return draw_piece(self.pixels, self.truth, self.prediction, around(box_of(concerned), true.shape))

    def picture(self, caption: str) -> RGB | None:
        """Both outlines on the image."""
        if self.pixels is None:
            return None
        return draw_comparison(self.pixels, self.truth, self.prediction, caption, self.ignore)


@dataclass(frozen=True)
class Found:
    """Predicted nuclei of an image.

    Attributes
    ----------
    points : Points
        One for each.
    outlines : (h, w) integer or None
        Label image, where there is one.
    parted : bool
        Whether it was a mask, taken apart into its connected components.
    probability : (m,) float or None
        Stated for each, 0..1, in the order of the points.
    """

    points: Points
    outlines: LabelImage | None = None
    parted: bool = False
    probability: Floats | None = None


@dataclass(frozen=True)
class ComparedPoints:
    """True nuclei of one image, known by a point each, and predicted ones; see `Comparison`.

    Attributes
    ----------
    radius : float
        Within which a nucleus is detected (px).
    """

    truth: Points
    found: Found
    radius: float
    pixels: RGB | None = None
    seen: Use | None = None
    ignore: Mask | None = None

    rank = "detection_f1"

    @property
    def parted(self) -> bool:
        """Whether the prediction was a mask."""
        return self.found.parted

    def scores(self) -> dict[str, float]:
        """Scores of detection."""
        scores = detection_scores(self.truth, self.found.points, self.radius, self.ignore)
        confusion = self.confusion()
        of_classes = {} if confusion is None else class_scores(confusion)
        return without_scores(scores | of_classes, self.ignore)

    def confusion(self) -> Confusion | None:
        """Which classes were taken for which; None where a side knows none."""
        return confuse(self.truth, self.found.points, self.radius, self.ignore)

    def details(self) -> Details | None:
        """Points that were missed or are wrong, and whether probabilities come true."""
        found = detect(self.truth.xy, self.found.points.xy, self.radius, self.ignore)
        stated = None
        if self.found.probability is not None:
            right = np.zeros(len(self.found.points.xy), bool)
            right[found.partner[found.true_found]] = True
            counted = np.flatnonzero(found.pred_counts)
            stated = come_true(np.arange(right.size), self.found.probability, counted, right[counted])
        return Details(point_failures(found), stated=stated, confusion=self.confusion())

    def picture_of(self, failure: Failure) -> RGB | None:
        """True points, and predicted outlines or points, around an error."""
        if self.pixels is None:
            return None
        places = np.concatenate([self.truth.xy[list(failure.true)], self.found.points.xy[list(failure.pred)]])
        (left, top), (right, bottom) = places.min(axis=0).astype(int), places.max(axis=0).astype(int) + 1
        box = around((int(top), int(left), int(bottom), int(right)), self.pixels.shape)
        return draw_piece(self.pixels, None, self.found.outlines, box, self.truth.xy, self.found.points.xy)

    def picture(self, caption: str) -> RGB | None:
        """True points, and predicted outlines or points, on the image."""
        if self.pixels is None:
            return None
        return draw_points(self.pixels, self.truth.xy, self.found.points.xy, self.found.outlines, caption, self.ignore)
