"""Areas of nuclei along the edges of their pixels: what a label image covers, no more and no less.

The outlines of results go through the midpoints of pixel edges (`nuseg.measure.outline`), which is smoother and half a
pixel less; annotations keep what was drawn."""

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nuseg.measure.borders import Borders
from nuseg.measure.outline import corners, first_places, follow, link_sides

START = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])  # of the sides top, right, bottom, left, as x, y


def pixel_areas(labels: np.ndarray) -> list[shapely.Geometry]:
    """Give the area of every nucleus of a label image, holes and separate pieces included.

    Drawn again (`nuseg.annotations.polygons.draw`) they give the label image; area and centroid are those of the
    pixels, where the pixel in column 0, row 0 covers [0, 1] x [0, 1].

    Parameters
    ----------
    labels : (h, w) integer
        Label image with values 0..N, all of them present.

    Returns
    -------
    list of N valid shapely.Polygon or shapely.MultiPolygon
    """
    links = link_sides(Borders.of(labels))
    if not len(links.sides):
        return []
    count = len(links.sides)
    pairs = coo_array((np.ones(count, bool), (np.arange(count), links.following)), shape=(count, count))
    ring_of_side = connected_components(pairs, directed=False)[1] + 1
    order, lengths = follow(links.following, first_places(ring_of_side, np.arange(count)))
    y, x = np.divmod(links.sides[order] >> 2, links.width)
    points = np.stack([x - 1, y - 1], axis=1) + START[links.side[order]]
    kept = corners(links.side[order], lengths)
    ring = np.repeat(np.arange(len(lengths)), lengths)[kept]
    begins = np.cumsum(lengths) - lengths
    owner = labels[y[begins] - 1, x[begins] - 1]
    rings = np.asarray(shapely.linearrings(points[kept], indices=ring), object)
    in_order = np.argsort(owner, kind="stable")
    groups = np.split(rings[in_order], np.cumsum(np.bincount(owner, minlength=int(owner.max()) + 1)[1:-1]))
    return [_area(group, labels, number) for number, group in enumerate(groups, start=1)]


def _area(rings: np.ndarray, labels: np.ndarray, number: int) -> shapely.Geometry:
    """Make an area of the rings of a nucleus: outlines of pieces, and holes."""
    if len(rings) == 1:
        polygon = shapely.Polygon(rings[0])
        if polygon.is_valid:  # a ring that meets itself at a corner is none
            return polygon
    faces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.multilinestrings(rings))]))
    inside = np.floor(shapely.get_coordinates(shapely.point_on_surface(faces))).astype(int)
    own = faces[labels[inside[:, 1], inside[:, 0]] == number]
    return own[0] if len(own) == 1 else shapely.MultiPolygon(list(own))
