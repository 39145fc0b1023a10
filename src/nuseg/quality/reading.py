"""What the checks read of a dataset's image: pixels, nuclei, classes, and what is not known."""

from dataclasses import dataclass

import cv2
import numpy as np

from nuseg.datasets.dataset import Item, load_ignore, load_item, load_pixels, load_points, load_table
from nuseg.types import RGB, Floats, LabelImage, Mask

POINT_UM = 3.0  # radius of the disc that is drawn for a point


@dataclass(frozen=True, eq=False)
class Annotated:
    """An image with its annotation.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32
        Label image; of points, discs numbered in their order.
    ignore : (h, w) bool
        What is not known.
    classes : tuple of str or None
        Class of every nucleus or point.
    """

    pixels: RGB
    labels: LabelImage
    ignore: Mask
    classes: tuple[str | None, ...]


def read_annotated(item: Item) -> Annotated:
    """Read an item of any kind of dataset.

    Raises
    ------
    NusegError
        A file is missing or unreadable, or of another size than the image.
    """
    if item.label is not None:
        pixels, labels = load_item(item)
        classes = load_table(item).classes
    else:
        pixels, points = load_pixels(item), load_points(item)
        labels, classes = draw_points(points.xy, (pixels.shape[0], pixels.shape[1]), item.mpp), points.classes
    return Annotated(pixels, labels, load_ignore(item, (labels.shape[0], labels.shape[1])), classes)


def draw_points(xy: Floats, shape: tuple[int, int], mpp: float) -> LabelImage:
    """Draw points as discs of `POINT_UM`: a label image (h, w) int32 with the numbers 1..n; later ones lie on top."""
    labels = np.zeros(shape, np.int32)
    radius = max(1, round(POINT_UM / mpp))
    for number, (x, y) in enumerate(xy.tolist(), start=1):
        cv2.circle(labels, (int(np.floor(x)), int(np.floor(y))), radius, number, -1)
    return labels
