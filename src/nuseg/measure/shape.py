"""Shape of every nucleus of a label image at once, in pixels."""

import cv2
import numpy as np

from nuseg.measure.borders import Borders, Runs
from nuseg.measure.outline import Rings, parted


def ellipses(runs: Runs, origins: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Centroid and the ellipse with the same second moments.

    Parameters
    ----------
    runs : Runs
        Of nuclei 1..`count`.
    origins : (1, 2) or (count, 2) integer
        Row and column of the first pixel in the image that coordinates count from: of all, or for each.
    count : int

    Returns
    -------
    dict of (count,) float64
        `x`, `y`: centroid, a pixel's centre lying at column + 0.5, row + 0.5. `major`, `minor`: full axes of
        the ellipse; 0 for a single pixel. `eccentricity`: 0 circle .. 1 line.
    """

    area = runs.totals(runs.length, count)
    # About the nucleus' own first pixel: the shape then does not depend on the place, to the last bit.
    first = runs.first(count)
    from_x, from_y = runs.x[first], runs.y[first]
    length, dx, dy = runs.length, runs.x - from_x[runs.owner - 1], runs.y - from_y[runs.owner - 1]
    mean_x = runs.totals(length * dx + length * (length - 1) // 2, count) / area
    mean_y = runs.totals(length * dy, count) / area
    # About the centroid: about the origin, large coordinates would cancel.
    of_run = runs.owner - 1
    along = np.arange(length.sum()) + np.repeat(dx - runs.begins, length)
    near_x, near_y = along - np.repeat(mean_x[of_run], length), np.repeat(dy - mean_y[of_run], length)
    owner = np.repeat(of_run, length)
    xx, yy, xy = (
        np.bincount(owner, values, count) / area for values in (near_x * near_x, near_y * near_y, near_x * near_y)
    )
    half_trace, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    large, small = half_trace + root, np.maximum(half_trace - root, 0)
    eccentricity = np.sqrt(1 - np.divide(small, large, out=np.ones(count), where=large > 0))
    return {
        "x": (from_x + origins[:, 1]) + (mean_x + 0.5),
        "y": (from_y + origins[:, 0]) + (mean_y + 0.5),
        "major": 4 * np.sqrt(large),
        "minor": 4 * np.sqrt(small),
        "eccentricity": eccentricity,
    }


def perimeters(borders: Borders, count: int) -> np.ndarray:
    """Perimeter by Crofton's formula in four directions, `(count,)` float64, px.

    Lines in the directions 0, 45, 90 and 135 degrees are counted where they cross a nucleus' border. Unlike
    the length of a stepped outline this does not grow with the slope of the border: a disc is right within 2
    %.

    Source: Legland, Kieu & Devaux, "Computation of Minkowski measures on 2D and 3D binary images", Image
    Analysis & Stereology 26 (2007).
    """
    flat, width = borders.flat, borders.width
    diagonal = 0.5**0.5
    total = np.zeros(count)
    for step, spacing, before in (
        (1, 1.0, borders.along_rows),
        (width, 1.0, borders.along_columns),
        (width + 1, diagonal, borders.changes(width + 1)),
        (width - 1, diagonal, borders.changes(width - 1)),
    ):
        for place in (before, before + step):
            total += spacing * np.bincount(flat[place], minlength=count + 1)[1:]
    return np.pi / 8 * total


def solidities(rings: Rings, area: np.ndarray) -> np.ndarray:
    """Share of its convex hull that each nucleus fills, as scikit-image's `regionprops` has it.

    The hull is that of the midpoints of the pixels' sides, and its area the number of pixels whose centre lies in it or
    on its border: 1 for a convex nucleus.

    Parameters
    ----------
    rings : Rings
        Outlines of the nuclei: their corners are such midpoints.
    area : (N,) integer
        Pixels of each nucleus.

    Returns
    -------
    (N,) float64
        0..1.
    """
    if not len(rings):
        return np.zeros(0)
    # In half pixels midpoints are whole numbers, and centres of pixels odd ones: all of it is exact.
    hulls = [cv2.convexHull(ring)[:, 0] for ring in parted(rings.points.astype(np.int32), rings.lengths)]
    share: np.ndarray = area / centres_in(np.concatenate(hulls).astype(np.int64), np.array([len(h) for h in hulls]))
    return share


def centres_in(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Count the points with two odd coordinates in convex polygons or on their borders.

    Parameters
    ----------
    points : (m, 2) int64
        x and y of the corners, one polygon after the other, each clockwise on the screen; its highest and lowest y are
        even.
    lengths : (N,) int64
        Corners of each polygon.

    Returns
    -------
    (N,) int64
    """
    ends = np.cumsum(lengths)
    after = np.arange(1, len(points) + 1)
    after[ends - 1] = ends - lengths
    (x, y), (dx, dy) = points.T, (points[after] - points).T
    # On the way down an edge is the right border of a row of centres, on the way up the left one.
    first, last = (bound(y, y + dy) // 2 for bound in (np.minimum, np.maximum))
    rows = last - first
    edge = np.repeat(np.arange(len(points)), rows)
    row = np.repeat(first - (np.cumsum(rows) - rows), rows) + np.arange(rows.sum())
    x, y, dx, dy = x[edge], y[edge], dx[edge], dy[edge]
    away = (x - 1) * dy + (2 * row + 1 - y) * dx  # of the border from the first centre of its row, times dy
    counted = np.where(dy > 0, away // (2 * dy) + 1, -away // (2 * dy))
    owner = np.repeat(np.arange(len(lengths)), lengths)[edge]
    return np.bincount(owner, counted, len(lengths)).astype(np.int64)
