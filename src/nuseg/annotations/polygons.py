"""Polygons on a grid of pixels: what lies inside, and label images of them.

Coordinates are x and y in px from the upper left corner of the image: the pixel in column 0, row 0 covers
[0, 1] x [0, 1], and its centre is (0.5, 0.5)."""

from collections.abc import Sequence

import numpy as np
import shapely

Ring = np.ndarray  # (k, 2) float64, x and y
FARTHEST = 1e9
"""Largest coordinate (px) that is taken for one; no slide is a thousandth as large."""
_CIRCLE_POINTS = 64


def area(rings: Sequence[Ring]) -> shapely.Geometry:
    """Make a valid area of an outer ring and its holes; where a ring crosses itself, what it surrounds oddly often.

    Raises
    ------
    ValueError
        A ring has fewer than three points, or a coordinate that is not finite or too large.
    """
    for ring in rings:
        if ring.ndim != 2 or len(ring) < 3:
            raise ValueError("a ring of fewer than three points")
        if not np.isfinite(ring).all():
            raise ValueError("a coordinate that is not finite")
        if len(ring) and np.abs(ring).max() > FARTHEST:
            raise ValueError(f"a coordinate beyond {FARTHEST:.0e} px")
    polygon = shapely.Polygon(rings[0], rings[1:])
    return polygon if polygon.is_valid else areas_only(shapely.make_valid(polygon))


def parity(rings: Sequence[Ring]) -> shapely.Geometry:
    """Make a valid area of rings in any order: what lies inside an odd number of them (the even-odd rule)."""
    whole = shapely.Polygon()
    for ring in rings:
        whole = shapely.symmetric_difference(whole, area([ring]))
    return areas_only(whole)


def ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> shapely.Geometry:
    """Make a polygon with the centre, the area and the axes' ratio of an ellipse, turned clockwise on the screen.

    Raises
    ------
    ValueError
        A number is not finite, or a radius not above 0.
    """
    if not (np.isfinite([x, y, degrees]).all() and 0 < radius_x < np.inf and 0 < radius_y < np.inf):
        raise ValueError("an ellipse without a centre and radii above 0")
    step = 2 * np.pi / _CIRCLE_POINTS
    angle = np.arange(_CIRCLE_POINTS) * step
    grown = np.sqrt(step / np.sin(step))  # corners lie a little outside, so that the areas are equal
    across, down = radius_x * grown * np.cos(angle), radius_y * grown * np.sin(angle)
    turn = np.deg2rad(degrees)
    points = [x + across * np.cos(turn) - down * np.sin(turn), y + across * np.sin(turn) + down * np.cos(turn)]
    return area([np.stack(points, axis=1)])


def rectangle(x0: float, y0: float, x1: float, y1: float, degrees: float = 0.0) -> shapely.Geometry:
    """Make a rectangle of two opposite corners, turned clockwise on the screen about its middle."""
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
    if degrees:
        middle, turn = ring.mean(axis=0), np.deg2rad(degrees)
        cos, sin = np.cos(turn), np.sin(turn)
        ring = (ring - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return area([ring])


def areas_only(geometry: shapely.Geometry) -> shapely.Geometry:
    """Give the polygons of a valid geometry as one Polygon or MultiPolygon, without lines and points beside them."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    return shapely.union_all([part for part in shapely.get_parts(geometry) if shapely.get_dimensions(part) == 2])


def rings_of(geometry: shapely.Geometry) -> list[tuple[Ring, ...]]:
    """Give the rings of every polygon of a geometry: the outer one and the holes, the first point not repeated."""
    if geometry.geom_type == "Polygon" and not geometry.is_empty and not len(geometry.interiors):
        return [(shapely.get_coordinates(geometry)[:-1],)]  # most nuclei, and the shortest way
    return [
        tuple(shapely.get_coordinates(ring)[:-1] for ring in (part.exterior, *part.interiors))
        for part in shapely.get_parts(geometry)
        if not part.is_empty
    ]


def single_ring(geometry: shapely.Geometry) -> Ring:
    """Give one ring for an area with holes or of several pieces, for formats that have no others.

    Rings are joined by cuts without width, walked there and back, where they are nearest, the nearest ring first: so no
    cut meets anything else. Area and centroid stay, and `area` of the ring gives the pieces and the holes again.
    """
    joined, *others = [ring for rings in rings_of(geometry) for ring in rings]
    while others:
        cuts = shapely.shortest_line(shapely.LinearRing(joined), [shapely.LinearRing(ring) for ring in others])
        nearest = int(shapely.length(cuts).argmin())
        here, there = shapely.get_coordinates(cuts[nearest])
        before, after = _parted(joined, here)
        end, begin = _parted(others.pop(nearest), there)
        joined = np.concatenate([before, here[None], there[None], begin, end, there[None], here[None], after])
    return joined


def _parted(ring: Ring, point: np.ndarray) -> tuple[Ring, Ring]:
    """Part a ring at a point on it: the corners before and after it."""
    edges = shapely.linestrings(np.stack([ring, np.roll(ring, -1, axis=0)], axis=1))
    at = int(shapely.distance(edges, shapely.Point(point)).argmin()) + 1
    return ring[:at], ring[at:]


def contains(geometry: shapely.Geometry, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say which points lie in a geometry: bool of the shape of `x` and `y`.

    A point on a border belongs to what lies right of it or below it, so that of areas that touch exactly one holds it.
    """
    shapely.prepare(geometry)
    return np.asarray(shapely.contains_xy(geometry, np.nextafter(x, np.inf), np.nextafter(y, np.inf)))


def draw(geometries: Sequence[shapely.Geometry], shape: tuple[int, int]) -> np.ndarray:
    """Draw areas as a label image; a pixel belongs to an area that holds its centre, and to the smallest of several.

    Parameters
    ----------
    geometries : sequence of N Polygons or MultiPolygons
    shape : (h, w)

    Returns
    -------
    (h, w) int32
        0 = background, k = the k-th area, counted from 1. An area that holds no centre has no pixel.
    """
    labels = np.zeros(shape, np.int32)
    for index in np.argsort(-shapely.area(np.asarray(geometries, object)), kind="stable"):
        geometry = geometries[index]
        if geometry.is_empty:
            continue
        left, top, right, bottom = geometry.bounds
        rows, columns = _pixels(top, bottom, shape[0]), _pixels(left, right, shape[1])
        y, x = np.mgrid[rows, columns] + 0.5
        labels[rows, columns][contains(geometry, x, y)] = index + 1
    return labels


def _pixels(low: float, high: float, size: int) -> slice:
    """Give the pixels along a side of `size` that lie between two places."""
    start, stop = np.clip([np.floor(low), np.ceil(high)], 0, size).astype(int)
    return slice(start, stop)
