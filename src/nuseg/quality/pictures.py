"""The pictures of a report: parts of images, enlarged, with outlines."""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
from nuseg.plot.outlines import GREEN, draw_outlines
from nuseg.progress import ProgressCallback, tracked
from nuseg.quality.finding import Box, Finding, View
from nuseg.quality.page import Picture
from nuseg.quality.reading import read_annotated
from nuseg.types import RGB, LabelImage

SIDE = 300  # px of a picture, about
MARGIN = 12  # px around a place, at least
LEAST_SIDE = 60  # px of the image that a picture shows, at least
CONCERNED = (255, 255, 0)
MODEL = (0, 220, 255)
SHOWN = 40  # findings of one check that are shown with pictures; the table has all


def draw_views(
    dataset: Dataset, findings: Sequence[Finding], progress: ProgressCallback | None = None
) -> dict[int, list[Picture]]:
    """Draw the views of findings: for the place of each finding in the list its pictures.

    Every image is read once.
    """
    shown: dict[str, int] = defaultdict(int)
    wanted: dict[str, list[tuple[int, int, View]]] = defaultdict(list)
    for place, finding in enumerate(findings):
        shown[finding.check] += 1
        if shown[finding.check] <= SHOWN:
            for order, view in enumerate(finding.views):
                wanted[view.image].append((place, order, view))
    items = {item.name: item for item in dataset.items}
    drawn: dict[int, dict[int, Picture]] = defaultdict(dict)
    for name in tracked(sorted(wanted), "draw pictures", progress):
        try:
            annotated = read_annotated(items[name])
        except NusegError:  # a finding of its own says so
            continue
        for place, order, view in wanted[name]:
            drawn[place][order] = Picture(view.caption or name, draw_view(view, annotated.pixels, annotated.labels))
    return {place: [pictures[order] for order in sorted(pictures)] for place, pictures in drawn.items()}


def draw_view(view: View, pixels: RGB, labels: LabelImage) -> RGB:
    """Draw a view of an image.

    Labels are green, those that the view is about are yellow, and the model's nuclei are blue.

    Parameters
    ----------
    view : View
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32

    Returns
    -------
    (h, w, 3) uint8
        About `SIDE` px wide.
    """
    top, left, bottom, right = around(view.box, labels.shape)
    piece, numbers = pixels[top:bottom, left:right], labels[top:bottom, left:right]
    scale = SIDE / max(piece.shape[:2])
    smooth = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    size = max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale))
    drawn = np.asarray(cv2.resize(piece, size, interpolation=smooth), np.uint8)
    thickness = 2 if scale >= 2 else 1
    if view.outlined:
        moved = _enlarged(numbers, size, view.shift)
        chosen = np.isin(moved, view.nuclei)
        drawn = draw_outlines(drawn, np.where(chosen, 0, moved), GREEN, thickness)
        drawn = draw_outlines(drawn, np.where(chosen, moved, 0), CONCERNED, thickness)
    for outline in view.found:
        points = np.rint((outline - [left, top]) * scale * 16).astype(np.int32)
        cv2.polylines(drawn, [points[:, None]], True, MODEL, thickness, cv2.LINE_AA, shift=4)
    return drawn


def around(box: Box | None, shape: tuple[int, ...]) -> Box:
    """Widen a box by a margin, to a square where the image allows."""
    height, width = shape[0], shape[1]
    if box is None:
        return 0, 0, height, width
    side = max(box[2] - box[0] + 2 * MARGIN, box[3] - box[1] + 2 * MARGIN, LEAST_SIDE)
    spans = []
    for start, stop, length in ((box[0], box[2], height), (box[1], box[3], width)):
        first = min(max(0, (start + stop - side) // 2), max(0, length - side))
        spans.append((first, min(length, first + side)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _enlarged(labels: LabelImage, size: tuple[int, int], shift: tuple[float, float]) -> LabelImage:
    """Sample a label image at `size` (width, height), moved by `shift` (down, right; px of the label image)."""
    axes = []
    for length, old, move in zip((size[1], size[0]), labels.shape, shift, strict=True):
        places = np.floor((np.arange(length) + 0.5) * old / length - move).astype(int)
        axes.append(np.clip(places, 0, old - 1))
    return np.asarray(labels[np.ix_(*axes)])
