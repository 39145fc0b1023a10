"""The pictures of a report: parts of images, enlarged, with outlines."""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
from nuseg.plot.outlines import GREEN, draw_outlines
from nuseg.plot.pieces import around, resize_labels, resize_piece
from nuseg.progress import ProgressCallback, tracked
from nuseg.quality.finding import Finding, View
from nuseg.quality.page import Picture
from nuseg.quality.reading import read_annotated
from nuseg.types import RGB, LabelImage

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
        About `nuseg.plot.pieces.SIDE` px wide.
    """
    top, left, bottom, right = around(view.box, labels.shape)
    numbers = labels[top:bottom, left:right]
    drawn, scale = resize_piece(pixels[top:bottom, left:right])
    thickness = 2 if scale >= 2 else 1
    if view.outlined:
        moved = resize_labels(numbers, drawn.shape[:2], view.shift)
        chosen = np.isin(moved, view.nuclei)
        drawn = draw_outlines(drawn, np.where(chosen, 0, moved), GREEN, thickness)
        drawn = draw_outlines(drawn, np.where(chosen, moved, 0), CONCERNED, thickness)
    for outline in view.found:
        points = np.rint((outline - [left, top]) * scale * 16).astype(np.int32)
        cv2.polylines(drawn, [points[:, None]], True, MODEL, thickness, cv2.LINE_AA, shift=4)
    return drawn
