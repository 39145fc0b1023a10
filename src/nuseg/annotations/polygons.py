"""Polygons on a grid of pixels: what lies inside, and label images of them.

Coordinates are x and y in px from the upper left corner of the image: the pixel in column 0, row 0 covers
[0, 1] x [0, 1], and its centre is (0.5, 0.5)."""

from collections.abc import Sequence

import numpy as np
import shapely

Ring = np.ndarray  # (k, 2) float64, x and y

MAX_PX = 10_000_000  # twenty times the longest side of a slide
MAX_POINTS = 1_000_000  # of a ring
MAX_CROSSINGS = 50  # of a ring with itself: what they enclose takes the time of their square
SIDES = 200  # of a ring, from which its crossings are estimated
MAX_LAYERS, FEW_PX = 100, 50_000_000  # times that areas may cover an image, where it is not small


def area(rings: Sequence[Ring]) -> shapely.Geometry:
    """Make a valid area of an outer ring and its holes; where a ring crosses itself, what it surrounds oddly often.

    Raises
    ------
    ValueError
        A ring has fewer than three points or a million, a coordinate that is not finite or lies where no image reaches,
        or it crosses itself again and again.
    """
    for ring in rings:
        if ring.ndim != 2 or len(ring) < 3:
            raise ValueError("a ring of fewer than three points")
        if len(ring) > MAX_POINTS:
            raise ValueError(f"a ring of {len(ring):,} points, more than {MAX_POINTS:,}: simplify it")
        if not np.isfinite(ring).all():
            raise ValueError("a coordinate that is not finite")
        if np.abs(ring).max() > MAX_PX:
            raise ValueError(f"a coordinate of {np.abs(ring).max():.3g} px, beyond any image ({MAX_PX:,} px)")
    drawn = shapely.Polygon(rings[0], rings[1:])
    if not drawn.is_valid:
        for ring in rings:
            crossings = _crossings(ring)
            if crossings > MAX_CROSSINGS:
                raise ValueError(f"a ring that crosses itself about {crossings:,} times, more than {MAX_CROSSINGS}")
        drawn = shapely.make_valid(drawn)
    return areas_only(drawn)


def _crossings(ring: Ring) -> int:
    """Estimate how often a ring crosses itself, from the crossings of some of its sides with all."""
    sides = shapely.linestrings(np.stack([ring, np.roll(ring, -1, axis=0)], axis=1))
    some = sides[:: max(1, len(sides) // SIDES)]
    tree, looked_at, found = shapely.STRtree(sides), 0, 0
    while looked_at < len(some) and found < SIDES * MAX_CROSSINGS:
        found += len(tree.query(some[looked_at], predicate="crosses"))
        looked_at += 1
    return int(found * len(sides) / looked_at / 2)


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

    Raises
    ------
    ValueError
        The areas lie over each other so often that drawing them would take hours.
    """
    labels = np.zeros(shape, np.int32)
    covered = sum(_box_area(geometry, shape) for geometry in geometries)
    if covered > max(FEW_PX, MAX_LAYERS * labels.size):
        raise ValueError(f"{len(geometries):,} areas that cover the image {covered / labels.size:,.0f} times")
    for index in np.argsort(-shapely.area(np.asarray(geometries, object)), kind="stable"):
        geometry = geometries[index]
        if geometry.is_empty:
            continue
        rows, columns = _window(geometry, shape)
        y, x = np.mgrid[rows, columns] + 0.5
        labels[rows, columns][contains(geometry, x, y)] = index + 1
    return labels


def _window(geometry: shapely.Geometry, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Give the rows and columns of an image that an area lies in."""
    left, top, right, bottom = geometry.bounds
    return _pixels(top, bottom, shape[0]), _pixels(left, right, shape[1])


def _box_area(geometry: shapely.Geometry, shape: tuple[int, int]) -> int:
    """Pixels of an image within the box around an area."""
    if geometry.is_empty:
        return 0
    rows, columns = _window(geometry, shape)
    return int(rows.stop - rows.start) * int(columns.stop - columns.start)


def _pixels(low: float, high: float, size: int) -> slice:
    """Give the pixels along a side of `size` that lie between two places."""
    start, stop = np.clip([np.floor(low), np.ceil(high)], 0, size).astype(int)
    return slice(start, stop)
