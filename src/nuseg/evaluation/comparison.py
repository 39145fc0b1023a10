"""Truth and prediction of one image, as label images or as points: how they are scored, and drawn."""

from dataclasses import dataclass
from typing import Protocol

from nuseg.annotations.tables import Points
from nuseg.datasets.seen import Use
from nuseg.evaluation.detection import detection_scores, points_of
from nuseg.evaluation.ignoring import leave_out
from nuseg.evaluation.report import score_image, without_scores
from nuseg.plot.comparison import draw_comparison, draw_points
from nuseg.types import RGB, LabelImage, Mask


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
    """

    truth: LabelImage
    prediction: LabelImage
    pixels: RGB | None = None
    instance: bool = True
    parted: bool = False
    seen: Use | None = None
    ignore: Mask | None = None
    radius: float | None = None

    @property
    def rank(self) -> str:
        """AJI; Dice where the truth is a mask."""
        return "aji" if self.instance else "dice"

    def scores(self) -> dict[str, float]:
        """Scores of outlines; of detection as well, where nuclei are told apart and the radius is known."""
        scores = score_image(self.truth, self.prediction, self.instance, self.ignore)
        if not self.instance or self.radius is None:
            return scores
        true, pred = (points_of(labels) for labels in leave_out(self.truth, self.prediction, self.ignore))
        detection = detection_scores(true, pred, self.radius)
        return {**without_scores(detection, self.ignore), **scores}

    def picture(self, caption: str) -> RGB | None:
        """Both outlines on the image."""
        if self.pixels is None:
            return None
        return draw_comparison(self.pixels, self.truth, self.prediction, caption, self.ignore)


@dataclass(frozen=True)
class Found:
    """Predicted nuclei of an image: a point each, and their outlines `(h, w)` where there are some."""

    points: Points
    outlines: LabelImage | None = None
    parted: bool = False


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
        return without_scores(scores, self.ignore)

    def picture(self, caption: str) -> RGB | None:
        """True points, and predicted outlines or points, on the image."""
        if self.pixels is None:
            return None
        return draw_points(self.pixels, self.truth.xy, self.found.points.xy, self.found.outlines, caption, self.ignore)
