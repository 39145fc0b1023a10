"""Outlines of nuclei as polygons.

Marching squares at 0.5 (Lorensen & Cline 1987, in two dimensions): a polygon goes through the midpoints of
the pixel edges that part a nucleus from the rest. Coordinates count from the image's upper left corner, so
the pixel in column 0, row 0 covers [0, 1] x [0, 1]."""

import numpy as np

# The sides of a pixel in clockwise order on the screen: top, right, bottom, left. Walking along a side, the
# nucleus on the right hand, leads to AHEAD; OUTWARD is the pixel beyond the side. Rows and columns.
AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))
OUTWARD = ((-1, 0), (0, 1), (1, 0), (0, -1))
MIDPOINT = np.array([(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)])  # of each side, as x, y


def outlines(labels: np.ndarray) -> list[np.ndarray]:
    """Outline every nucleus of a label image.

    Every ring is simple, and rings of neighbours share borders but no area. A ring encloses the area of its
    nucleus less half a pixel. Points on a straight line are left out.

    Parameters
    ----------
    labels : (h, w) integer
        Label image with values 0..N, all of them present. Each nucleus is one 4-connected piece; of one in
        several pieces the first in reading order is outlined, and holes are left out.

    Returns
    -------
    list of N (k, 2) float64
        x, y of the corners of nucleus 1, 2, ..., N in pixels, clockwise on the screen; the first point is not
        repeated at the end.
    """
    sides, following, first = link_sides(labels)
    order, lengths = follow(following, first)
    pixel, side = np.divmod(sides[order], 4)
    y, x = np.divmod(pixel, labels.shape[1] + 2)
    points = np.stack([x - 1, y - 1], axis=1) + MIDPOINT[side]
    corner = corners(points, lengths)
    ends = np.cumsum(lengths)
    kept_before_end = np.cumsum(corner)[ends - 1] if len(ends) else ends
    return np.split(points[corner], kept_before_end[:-1]) if len(ends) else []


def unrolled(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Lay a label image with a border of background out in one row: a neighbour is one offset away.

    Returns
    -------
    flat : ((h + 2) * (w + 2),) integer
        The pixel in column x, row y lies at place `(y + 1) * width + x + 1`.
    width : int
        Offset of one row.
    """
    return np.pad(labels, 1).ravel(), labels.shape[1] + 2


def shifted(flat: np.ndarray, width: int, offset: int = 0) -> np.ndarray:
    """View what lies `offset` places behind each pixel; the view starts with the pixel in column 0, row 0."""
    first = width + 1
    return flat[first + offset : len(flat) - first + offset]


def link_sides(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pixel sides on the border of a nucleus, and what follows each of them along the border.

    Returns
    -------
    sides : (m,) int64
        Sorted codes: 4 * place of the pixel in `unrolled` + side.
    following : (m,) int64
        Index of the side that follows.
    first : (N,) int64
        Index of the first side of each nucleus in reading order: it lies on its outer border.
    """
    flat, width = unrolled(labels)
    core = shifted(flat, width)
    step = np.array([row * width + column for row, column in AHEAD])
    out = np.array([row * width + column for row, column in OUTWARD])
    inside = core != 0
    borders = [np.flatnonzero(inside & (core != shifted(flat, width, out[side]))) for side in range(4)]
    sides = np.concatenate([4 * (border + width + 1) + side for side, border in enumerate(borders)])
    sides.sort(kind="stable")

    pixel, side = np.divmod(sides, 4)
    ahead = pixel + step[side]
    across = ahead + out[side]
    own = flat[pixel]
    # 4-connected: where only a corner is shared, the border turns right and the pieces stay apart.
    right = flat[ahead] != own
    left = ~right & (flat[across] == own)
    target = 4 * ahead + side
    target[right] = (4 * pixel + (side + 1) % 4)[right]
    target[left] = (4 * across + (side - 1) % 4)[left]
    following = np.searchsorted(sides, target)

    return sides, following, first_places(own, np.arange(len(own)))


def first_places(owner: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Find the first of ascending `places` of each nucleus: `owner` has its number there, 1..N, none missing."""
    first = np.empty(int(owner.max(initial=0)), places.dtype)
    first[owner[::-1] - 1] = places[::-1]  # of several values for one place numpy keeps the last
    return first


def follow(following: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Walk along the ring of each first side.

    Returns
    -------
    order : (n,) int64
        Indices of the sides, ring after ring.
    lengths : (N,) int64
        Sides of each ring.
    """
    after = following.tolist()  # plain integers: indexing an array one by one is slow
    order: list[int] = []
    lengths = []
    for start in first.tolist():
        before = len(order)
        place = start
        while True:
            order.append(place)
            place = after[place]
            if place == start:
                break
        lengths.append(len(order) - before)
    return np.array(order, np.int64), np.array(lengths, np.int64)


def corners(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Say which points of concatenated rings are corners: the direction changes there."""
    ends = np.cumsum(lengths)
    starts = ends - lengths
    after = np.arange(1, len(points) + 1)
    after[ends - 1] = starts
    before = np.arange(-1, len(points) - 1)
    before[starts] = ends - 1
    came = points - points[before]
    goes = points[after] - points
    turns: np.ndarray = came[:, 0] * goes[:, 1] != came[:, 1] * goes[:, 0]
    return turns
