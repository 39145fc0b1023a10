"""Polygons on a grid of pixels: what lies inside, and label images of them.

Coordinates are x and y in px from the upper left corner of the image: the pixel in column 0, row 0 covers
[0, 1] x [0, 1], and its centre is (0.5, 0.5)."""

from collections.abc import Sequence

import numpy as np
import shapely

Ring = np.ndarray  # (k, 2) float64, x and y


def area(rings: Sequence[Ring]) -> shapely.Geometry:
    """Make a valid area of an outer ring and its holes; where a ring crosses itself, what it surrounds oddly often.

    Raises
    ------
    ValueError
        A ring has fewer than three points, or a coordinate that is not finite.
    """
    for ring in rings:
        if ring.ndim != 2 or len(ring) < 3:
            raise ValueError("a ring of fewer than three points")
        if not np.isfinite(ring).all():
            raise ValueError("a coordinate that is not finite")
    return areas_only(shapely.make_valid(shapely.Polygon(rings[0], rings[1:])))


def areas_only(geometry: shapely.Geometry) -> shapely.Geometry:
    """Give the polygons of a valid geometry as one Polygon or MultiPolygon, without lines and points beside them."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    return shapely.union_all([part for part in shapely.get_parts(geometry) if shapely.get_dimensions(part) == 2])


def rings_of(geometry: shapely.Geometry) -> list[tuple[Ring, ...]]:
    """Give the rings of every polygon of a geometry: the outer one and the holes, the first point not repeated."""
    return [
        tuple(shapely.get_coordinates(ring)[:-1] for ring in (part.exterior, *part.interiors))
        for part in shapely.get_parts(geometry)
        if not part.is_empty
    ]


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
