"""An annotated image as the checks see it; what several of them need is worked out once."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy import ndimage

from nuseg.measure.outline import outlines
from nuseg.measure.stain import optical_density
from nuseg.quality.finding import Box
from nuseg.types import RGB, Floats, Integers, LabelImage, Mask


@dataclass(frozen=True, eq=False)
class Found:
    """The nuclei that the model found in an image.

    Attributes
    ----------
    labels : (h, w) int32
    probability : (n + 1,) float64
        Of the nucleus of each number 1..n; 0 for the background.
    """

    labels: LabelImage
    probability: Floats

    @cached_property
    def areas(self) -> Integers:
        """Pixels of each number 0..n."""
        return np.bincount(self.labels.ravel(), minlength=len(self.probability))

    def outline(self, number: int) -> Floats:
        """Outline a nucleus: (k, 2) float64, x and y (px)."""
        rows, columns = np.nonzero(self.labels == number)
        top, left = int(rows.min()), int(columns.min())
        crop = self.labels[top : rows.max() + 1, left : columns.max() + 1] == number
        return np.asarray(outlines(crop.astype(np.int32))[0] + [left, top])


@dataclass(eq=False)
class Sample:
    """An annotated image.

    Attributes
    ----------
    name : str
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32
        Label image; numbers may have gaps.
    mpp : float
        Resolution (um/px).
    found : Found or None
        What the model found; None where it was not asked.
    ignore : (h, w) bool or None
        What is not known, and so not checked.
    classes : tuple of str or None
        Class of every nucleus.
    """

    name: str
    pixels: RGB
    labels: LabelImage
    mpp: float
    found: Found | None = None
    ignore: Mask | None = None
    classes: tuple[str | None, ...] = ()

    @cached_property
    def density(self) -> Floats:
        """Mean optical density of the three channels, (h, w) float32."""
        return np.asarray(optical_density(self.pixels).mean(axis=2))

    @cached_property
    def smooth_density(self) -> Floats:
        """Optical density of red, green and blue, blurred a little, (h, w, 3) float32."""
        return np.asarray(cv2.GaussianBlur(optical_density(self.pixels), (0, 0), 1))

    @cached_property
    def areas(self) -> Integers:
        """Pixels of each number 0..n, (n + 1,) int64."""
        return np.bincount(self.labels.ravel(), minlength=1)

    @cached_property
    def boxes(self) -> list[tuple[slice, slice] | None]:
        """Rows and columns of each number 0..n; None where there is no such number."""
        return [None, *ndimage.find_objects(self.labels)]

    @cached_property
    def whole(self) -> Mask:
        """Which numbers 0..n are nuclei that touch neither the image's border nor what is ignored, (n + 1,) bool."""
        return self.inside(self.labels, len(self.areas)) & (self.areas > 0)

    def inside(self, labels: LabelImage, size: int) -> Mask:
        """Say which numbers below `size` touch neither the border of a label image of this image nor what is ignored.

        0, the background, does.
        """
        kept = np.ones(size, bool)
        ignored = () if self.ignore is None else labels[self.ignore]
        for numbers in (labels[0], labels[-1], labels[:, 0], labels[:, -1], ignored, 0):
            kept[np.asarray(numbers, np.int64)] = False
        return kept

    @cached_property
    def known(self) -> Mask:
        """Which numbers 0..n do not touch what is ignored, (n + 1,) bool."""
        kept = np.ones(len(self.areas), bool)
        if self.ignore is not None:
            kept[self.labels[self.ignore]] = False
        return kept

    @cached_property
    def count(self) -> int:
        """Number of nuclei."""
        return int(np.count_nonzero(self.areas[1:]))

    @cached_property
    def diameters_um(self) -> Floats:
        """Diameter of the circle of equal area (um) of each nucleus that does not touch the border."""
        return np.asarray(2 * np.sqrt(self.areas[self.whole] / np.pi) * self.mpp)

    def box(self, *numbers: int) -> Box:
        """Give the part of the image that holds some nuclei."""
        spans = [span for number in numbers if (span := self.boxes[number]) is not None]
        rows, columns = zip(*spans, strict=True)
        return (
            min(row.start for row in rows),
            min(column.start for column in columns),
            max(row.stop for row in rows),
            max(column.stop for column in columns),
        )
