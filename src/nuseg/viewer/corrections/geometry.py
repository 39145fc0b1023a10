"""Outlines that somebody draws: made valid, parted by lines, joined.

Coordinates are px of level 0 from the upper left corner of the image; outlines have no holes."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.ops import split as split_area

from nuseg.annotations.corrections.entries import MAX_POINTS, Point
from nuseg.annotations.polygons import area
from nuseg.text import plural
from nuseg.types import Floats

Outline = tuple[Point, ...]

MAX_DRAWN = 20_000
"""Points that a drawn line may have; an outline of more than `MAX_POINTS` is simplified."""
SMALLEST_PX = 4.0
"""Area of a nucleus (px2); less is a slip of the hand."""
MAIN_SHARE = 0.8
"""Share of a self-crossing outline that its largest loop must have: the others are slips of the hand."""
GRID = 0.01
"""Coordinates are rounded to this (px)."""
NEAR_UM, NEAR_PX = 3.0, 12.0
"""How far apart parts of one nucleus may lie: in um, and in px where the resolution is not known."""
MAX_PIECES = 20
"""Of a nucleus that is parted by one line."""
_STEPS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # radius of the closing that joins near nuclei, in gaps


def drawn_area(points: Sequence[Point], size: tuple[int, int]) -> shapely.Polygon:
    """Make an area of an outline that somebody drew.

    Parameters
    ----------
    points : sequence of (x, y)
    size : (width, height)
        Of the image, beyond which nothing is drawn.

    Returns
    -------
    shapely.Polygon
        Valid, within the image, without holes, of at most `MAX_POINTS` points.

    Raises
    ------
    ValueError
        Too few or too many points, not finite, outside of the image, too small, or it crosses itself.
    """
    ring = _points(points, 3, "an outline")
    inside = shapely.intersection(area([ring]), shapely.box(0, 0, *size))
    if inside.is_empty or inside.area == 0:
        raise ValueError(f"an outline outside of the image of {size[0]:,} x {size[1]:,} px, or without an area")
    return _neat(_main_piece(inside))


def outline_of(geometry: shapely.Polygon) -> Outline:
    """Give the outer ring of an area, its first point not repeated."""
    points = shapely.get_coordinates(geometry.exterior)[:-1]
    return tuple((float(x), float(y)) for x, y in points)


def split_by_line(nucleus: shapely.Geometry, line: Sequence[Point]) -> list[shapely.Polygon]:
    """Part a nucleus by a line, whose ends are prolonged where they lie in it; the largest part first.

    Raises
    ------
    ValueError
        The line does not part it, or into too many pieces.
    """
    points = _points(line, 2, "a line")
    steps = np.any(np.diff(points, axis=0) != 0, axis=1)
    points = points[np.concatenate([[True], steps])]
    if len(points) < 2:
        raise ValueError("a line without length")
    cut = shapely.LineString(_prolonged(points, nucleus))
    parts = [part for piece in shapely.get_parts(nucleus) for part in split_area(piece, cut).geoms]
    parts = sorted((part for part in parts if part.area >= SMALLEST_PX), key=lambda part: -part.area)
    if len(parts) < 2:
        raise ValueError("a line that does not part the nucleus; draw it from one side to the other")
    if len(parts) > MAX_PIECES:
        raise ValueError(f"a line that makes {len(parts)} pieces of a nucleus, more than {MAX_PIECES}")
    return [_neat(part) for part in parts]


def merged(nuclei: Sequence[shapely.Geometry], mpp: float | None) -> shapely.Polygon:
    """Make one nucleus of several that touch or lie near one another; the gap between them is filled.

    Parameters
    ----------
    nuclei : sequence of shapely.Geometry
    mpp : float or None
        Resolution (um/px).

    Raises
    ------
    ValueError
        They lie too far apart.
    """
    whole = shapely.union_all([shapely.make_valid(nucleus) for nucleus in nuclei])
    pieces = shapely.get_parts(whole)
    if len(pieces) > 1:
        gap, near = _largest_gap(pieces), NEAR_PX if mpp is None else NEAR_UM / mpp
        if gap > near:
            raise ValueError(f"nuclei {gap:.0f} px apart, more than {near:.0f} px: these are not one")
        whole = _joined(whole, max(gap, GRID))
    return _neat(_main_piece(whole))


def _points(given: Sequence[Point], least: int, what: str) -> Floats:
    if not least <= len(given) <= MAX_DRAWN:
        raise ValueError(f"{what} of {plural(len(given), 'point')}, expected {least} to {MAX_DRAWN:,}")
    points = np.asarray(given, np.float64)
    if not np.isfinite(points).all():
        raise ValueError(f"{what} with a coordinate that is not finite")
    return points


def _main_piece(geometry: shapely.Geometry) -> shapely.Polygon:
    """Give the largest piece, without holes."""
    pieces = sorted(shapely.get_parts(geometry), key=lambda piece: -piece.area)
    if pieces[0].area < MAIN_SHARE * geometry.area:
        raise ValueError("an outline that crosses itself or is in several pieces; draw it in one loop")
    return shapely.Polygon(pieces[0].exterior)


def _neat(geometry: shapely.Polygon) -> shapely.Polygon:
    """Bring an area to the grid, and to at most `MAX_POINTS` points; it stays valid."""
    neat, tolerance = shapely.Polygon(geometry.exterior), GRID
    while len(neat.exterior.coords) > MAX_POINTS:
        neat = shapely.simplify(neat, tolerance, preserve_topology=True)
        tolerance *= 2
    if neat.area < SMALLEST_PX:
        raise ValueError(f"an area of {neat.area:.1f} px2, smaller than any nucleus ({SMALLEST_PX:g} px2)")
    with np.errstate(all="ignore"):  # of coordinates next to zero; the outcome is right
        on_grid = shapely.set_precision(neat, GRID)
    return _main_piece(on_grid)


def _prolonged(points: Floats, nucleus: shapely.Geometry) -> Floats:
    """Lengthen a line at the ends that lie in the nucleus, straight on until it is left."""
    left, top, right, bottom = nucleus.bounds
    far = float(np.hypot(right - left, bottom - top)) + 1
    first, last = points[0], points[-1]
    before, after = [], []
    if shapely.intersects_xy(nucleus, *first):
        before = [first + far * _direction(points[1], first)]
    if shapely.intersects_xy(nucleus, *last):
        after = [last + far * _direction(points[-2], last)]
    return np.array([*before, *points, *after])


def _direction(start: Floats, stop: Floats) -> Floats:
    step = stop - start
    unit: Floats = step / np.hypot(*step)
    return unit


def _largest_gap(pieces: Sequence[shapely.Geometry]) -> float:
    """The longest bridge that it takes to join pieces by the shortest ones."""
    joined, apart, longest = [pieces[0]], list(pieces[1:]), 0.0
    while apart:
        gaps = [min(piece.distance(one) for one in joined) for piece in apart]
        nearest = int(np.argmin(gaps))
        longest = max(longest, gaps[nearest])
        joined.append(apart.pop(nearest))
    return longest


def _joined(pieces: shapely.Geometry, gap: float) -> shapely.Geometry:
    """Fill the gaps between pieces as little as makes them one: a closing by a disc."""
    for step in _STEPS:
        closed = pieces.buffer(step * gap).buffer(-step * gap)
        whole = shapely.union_all([closed, pieces])
        if whole.geom_type == "Polygon":
            return whole
    return shapely.convex_hull(pieces)
