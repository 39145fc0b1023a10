"""Polygons on a grid of pixels: what lies inside, and label images of them.

Coordinates are x and y in px from the upper left corner of the image: the pixel in column 0, row 0 covers
[0, 1] x [0, 1], and its centre is (0.5, 0.5)."""

from collections.abc import Sequence

import numpy as np
import shapely

Ring = np.ndarray  # (k, 2) float64, x and y

_CIRCLE_POINTS = 64
MAX_PX = 10_000_000  # twenty times the longest side of a slide
MAX_POINTS = 1_000_000  # of a ring
MAX_CROSSINGS = 50  # of rings with themselves and each other, and one more per ring: more take the time of their square
MANY_POINTS = 1000  # of an area, from which repeated sides take much memory
SIDES = 200  # of an area, from which its crossings are estimated
MAX_LAYERS, FEW_PX = 100, 50_000_000  # times that areas may cover an image, where it is not small


def area(rings: Sequence[Ring]) -> shapely.Geometry:
    """Make a valid area of an outer ring and its holes; where a ring crosses itself, what it surrounds oddly often.

    Raises
    ------
    ValueError
        A ring has fewer than three points or a million, a coordinate that is not finite or lies where no image reaches,
        or rings cross themselves or each other again and again.
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
    if sum(len(ring) for ring in rings) > MANY_POINTS and _most_repeated(_sides(rings)) > MAX_CROSSINGS:
        raise ValueError("an outline that goes along one side again and again")
    drawn = shapely.Polygon(rings[0], rings[1:])
    if not drawn.is_valid:
        crossings, most = _crossings(_sides(rings)), MAX_CROSSINGS + len(rings) - 1
        if crossings > most:
            raise ValueError(f"an outline that crosses itself about {crossings:,} times, more than {most:,}")
        drawn = shapely.make_valid(drawn)
    return areas_only(drawn)


def _sides(rings: Sequence[Ring]) -> np.ndarray:
    """Give the sides of rings, `(n, 2, 2)`: begin and end, x and y."""
    return np.concatenate([np.stack([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])


def _most_repeated(sides: np.ndarray) -> int:
    """Count how often sides go along the one that they go along most, in either direction; turns them."""
    backward = (sides[:, 0, 0] > sides[:, 1, 0]) | (
        (sides[:, 0, 0] == sides[:, 1, 0]) & (sides[:, 0, 1] > sides[:, 1, 1])
    )
    sides[backward] = sides[backward, ::-1]
    return int(np.unique(sides.reshape(-1, 4), axis=0, return_counts=True)[1].max())


def _crossings(sides: np.ndarray) -> int:
    """Estimate how often sides cross each other, from the crossings of some with all."""
    lines = shapely.linestrings(sides)
    some = lines[:: max(1, len(lines) // SIDES)]
    tree, looked_at, found = shapely.STRtree(lines), 0, 0
    while looked_at < len(some) and found < SIDES * MAX_CROSSINGS:
        found += len(tree.query(some[looked_at], predicate="crosses"))
        looked_at += 1
    return int(found * len(lines) / looked_at / 2)


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


def united(parts: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """Make one area of many valid ones, fast where most lie apart, such as all nuclei of a slide."""
    return shapely.disjoint_subset_union_all(parts)


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
