"""Parts of images, enlarged: what the pictures of reports are made of."""

import cv2
import numpy as np

from nuseg.types import RGB, LabelImage

SIDE = 300  # px of a picture, about
MARGIN = 12  # px around a place, at least
LEAST_SIDE = 60  # px of the image that a picture shows, at least


def around(box: tuple[int, int, int, int] | None, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Widen a box (top, left, bottom, right) by a margin, to a square where the image allows; None is all of it."""
    height, width = shape[0], shape[1]
    if box is None:
        return 0, 0, height, width
    side = max(box[2] - box[0] + 2 * MARGIN, box[3] - box[1] + 2 * MARGIN, LEAST_SIDE)
    spans = []
    for start, stop, length in ((box[0], box[2], height), (box[1], box[3], width)):
        first = min(max(0, (start + stop - side) // 2), max(0, length - side))
        spans.append((first, min(length, first + side)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def resize_piece(piece: RGB) -> tuple[RGB, float]:
    """Bring a part of an image, `(h, w, 3)` uint8, to `SIDE` px along its longer side; gives the factor, too."""
    scale = SIDE / max(piece.shape[:2])
    smooth = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    size = max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale))
    return np.asarray(cv2.resize(piece, size, interpolation=smooth), np.uint8), scale


def resize_labels(labels: LabelImage, shape: tuple[int, ...], shift: tuple[float, float] = (0.0, 0.0)) -> LabelImage:
    """Sample a label image at `shape` (height, width), moved by `shift` (down, right; px of the label image)."""
    axes = []
    for length, old, move in zip(shape, labels.shape, shift, strict=False):
        places = np.floor((np.arange(length) + 0.5) * old / length - move).astype(int)
        axes.append(np.clip(places, 0, old - 1))
    return np.asarray(labels[np.ix_(*axes)])
