"""Outlines drawn as a label image, on any grid."""

from collections.abc import Sequence

import numpy as np

from nuseg.types import Floats, Integers

TIE = 1e-6  # px


def draw_labels(
    polygons: Sequence[Floats], numbers: Integers, shape: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Draw polygons as a label image: a pixel belongs to the polygon that its centre lies in.

    A centre on the border of a polygon belongs to it in every second row and column, so that nuclei are not shifted
    where the grid is coarser than theirs. Where polygons overlap the smaller one is on top. `outlines` of a label image
    without holes, drawn on its own grid, give the label image again.

    Parameters
    ----------
    polygons : sequence of (k, 2) float64
        x and y of the corners in px of the grid; a pixel in column 0, row 0 covers [0, 1] x [0, 1].
    numbers : (n,) integer
        Label of each polygon, above 0.
    shape : tuple of int
        Height and width of the window to draw.
    origin : tuple of int
        x and y of the window's upper left corner on the grid.

    Returns
    -------
    (h, w) int32
        0 = background. Polygons between the centres of pixels vanish.
    """
    labels = np.zeros(shape, np.int32)
    if not len(polygons):
        return labels
    lengths = np.array([len(polygon) for polygon in polygons])
    points = np.concatenate(polygons)
    starts = np.cumsum(lengths) - lengths
    after = np.arange(1, len(points) + 1)
    after[starts + lengths - 1] = starts
    nexts = points[after]
    area = np.abs(np.add.reduceat(points[:, 0] * nexts[:, 1] - nexts[:, 0] * points[:, 1], starts))
    rank = np.empty(len(lengths), np.int64)
    rank[np.argsort(-area, kind="stable")] = np.arange(len(lengths))
    rows, columns, owner = cross(points, nexts, np.repeat(rank, lengths), (origin[1], origin[1] + shape[0]))
    # Along a row, the inside of a polygon begins at every first crossing and ends at every second.
    order = np.lexsort((columns, rows, owner))
    begin = np.clip(columns[order[::2]] - origin[0], 0, shape[1])
    end = np.clip(columns[order[1::2]] - origin[0], 0, shape[1])
    runs = end - begin
    first = (rows[order[::2]] - origin[1]) * shape[1] + begin
    inside = np.repeat(first - (np.cumsum(runs) - runs), runs) + np.arange(runs.sum())
    number_of_rank = np.empty(len(lengths), np.int32)
    number_of_rank[rank] = numbers
    labels.ravel()[inside] = np.repeat(number_of_rank[owner[order[::2]]], runs)  # of several values the last is kept
    return labels


def cross(
    points: Floats, nexts: Floats, owner: Integers, window: tuple[int, int]
) -> tuple[Integers, Integers, Integers]:
    """Find where edges cross the middles of the rows of a window: row, first column behind the crossing, owner."""
    low, high = np.minimum(points[:, 1], nexts[:, 1]), np.maximum(points[:, 1], nexts[:, 1])
    first, last = np.clip(first_centre(low), *window), np.clip(first_centre(high), *window)
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    rows = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
    (x0, y0), (x1, y1) = points[edge].T, nexts[edge].T
    x = x0 + (np.clip(rows + 0.5, low[edge], high[edge]) - y0) * ((x1 - x0) / (y1 - y0))
    return rows, first_centre(x), owner[edge]


def first_centre(place: Floats) -> Integers:
    """The first row or column whose centre lies at `place` or behind it; on a centre, that of the odd ones does."""
    away = place - 0.5
    near = np.rint(away)
    tie = np.abs(away - near) < TIE
    first: Integers = np.where(tie, near + (near % 2 == 0), np.ceil(away)).astype(np.int64)
    return first
