"""Regions of interest that somebody annotated on a slide, and what of its nuclei belongs to each.

A nucleus belongs to a region that holds more than half of its area, and a point to one that holds it. What reaches into
a region of other nuclei is not known there, and so is what lies outside of a region that is no rectangle."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.polygons import contains, draw
from nuseg.types import Mask

LARGEST_NUCLEUS_UM2 = 2000.0
"""What is larger was drawn around nuclei: those of the largest human cells have about half of that."""
MAX_SIDE = 4096
"""Of an image (px); larger regions are parted into equal ones."""
MIN_SIDE = 32
"""Of an image (px); in smaller ones hardly a nucleus is whole."""


@dataclass(frozen=True)
class Window:
    """A part of a slide that becomes an image, in px of level 0, and the region that it shows."""

    x: int
    y: int
    width: int
    height: int
    region: shapely.Geometry

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def area(self) -> shapely.Geometry:
        """What of the region lies in the window."""
        return shapely.intersection(self.region, shapely.box(self.x, self.y, self.x + self.width, self.y + self.height))


def part_regions(
    annotation: Annotation, mpp: float, classes: Collection[str] = ()
) -> tuple[list[shapely.Geometry], Annotation]:
    """Part an annotation into regions and nuclei.

    Parameters
    ----------
    annotation : Annotation
        Of polygons, or of a label image, which has no regions.
    mpp : float
        Resolution (um/px).
    classes : collection of str
        Classes of regions; empty: those that the annotation tells itself, else the areas that are larger than any
        nucleus, unless a program found them.

    Returns
    -------
    regions : list of shapely.Geometry
        Without those that lie in another one.
    nuclei : Annotation
    """
    if annotation.regions is not None and not classes:
        return outermost(annotation.regions), annotation
    if annotation.polygons is None:
        return [], annotation
    if classes:
        is_region = np.array([name in classes for name in annotation.names], bool)
    else:
        is_region = shapely.area(np.asarray(annotation.polygons, object)) * mpp**2 > LARGEST_NUCLEUS_UM2
        is_region &= ~np.asarray(annotation.detections or np.zeros(len(is_region)), bool)
    regions = [polygon for polygon, taken in zip(annotation.polygons, is_region, strict=True) if taken]
    used = [name for name, taken in zip(annotation.names, is_region, strict=True) if not taken]
    vocabulary = tuple(name for name in annotation.vocabulary if name not in classes or name in used)
    return outermost(regions), replace(annotation.chosen(~is_region), vocabulary=vocabulary)


def outermost(regions: Sequence[shapely.Geometry]) -> list[shapely.Geometry]:
    """Leave out regions that lie in another one, and all but the first of equal ones."""
    kept: list[shapely.Geometry] = []
    for region in sorted(regions, key=lambda one: -one.area):
        if not any(shapely.covers(other, region) for other in kept):
            kept.append(region)
    return [region for region in regions if any(region is one for one in kept)]


def windows(region: shapely.Geometry, shape: tuple[int, int]) -> list[Window]:
    """Give the parts of a slide of `shape` (h, w) that show a region: one, or several of a region that is too large.

    Pixels count whose centres lie in the box around the region; parts that are too small are left out.
    """
    left, top, right, bottom = region.bounds
    rows, columns = _parts(top, bottom, shape[0]), _parts(left, right, shape[1])
    found = [Window(x, y, width, height, region) for y, height in rows for x, width in columns]
    return [window for window in found if not window.area.is_empty and min(window.shape) >= MIN_SIDE]


def _parts(low: float, high: float, size: int) -> list[tuple[int, int]]:
    """Give start and length of the parts of a side."""
    start, stop = (int(np.clip(np.ceil(place - 0.5), 0, size)) for place in (low, high))
    if stop <= start:
        return []
    count = -(-(stop - start) // MAX_SIDE)
    edges = np.linspace(start, stop, count + 1).round().astype(int).tolist()
    return [(begin, end - begin) for begin, end in pairwise(edges)]


def members(annotation: Annotation, area: shapely.Geometry) -> tuple[Mask, Mask]:
    """Say which nuclei belong to an area, and which others reach into it.

    Returns
    -------
    inside, partly : (N,) bool
    """
    if annotation.points is not None:
        x, y = annotation.points.T
        return contains(area, x, y), np.zeros(len(x), bool)
    polygons = np.asarray(annotation.areas, object)
    inside, partly = np.zeros(len(polygons), bool), np.zeros(len(polygons), bool)
    if not len(polygons):
        return inside, partly
    near = shapely.STRtree(polygons).query(area, predicate="intersects")
    shares = shapely.area(shapely.intersection(polygons[near], area)) / shapely.area(polygons[near])
    inside[near], partly[near] = shares > 0.5, (shares > 0) & (shares <= 0.5)
    return inside, partly


def cut(nuclei: Annotation, window: Window) -> tuple[Annotation, Mask]:
    """Give what belongs to a window, in px of its image.

    Returns
    -------
    annotation : Annotation
        Polygons or points, and in `vague` what reaches in of others.
    outside : (h, w) bool
        What lies outside of the region.
    """
    area = window.area
    inside, partly = members(nuclei, area)

    def moved(geometries: Sequence[shapely.Geometry]) -> tuple[shapely.Geometry, ...]:
        return tuple(shapely.transform(list(geometries), lambda xy: xy - (window.x, window.y)))

    if nuclei.points is not None:
        kept = replace(nuclei.chosen(inside), points=nuclei.points[inside] - (window.x, window.y))
        reaching: tuple[shapely.Geometry, ...] = ()
    else:
        drawn = replace(nuclei, labels=None, polygons=nuclei.areas)
        kept = drawn.chosen(inside)
        kept = replace(kept, polygons=moved(kept.areas))
        reaching = drawn.chosen(partly).areas
    (local,) = moved([area])
    vague = moved([*_near(nuclei.vague, area), *reaching])
    return replace(kept, vague=vague), draw([local], window.shape) == 0


def _near(geometries: Sequence[shapely.Geometry], area: shapely.Geometry) -> Iterator[shapely.Geometry]:
    return (one for one in geometries if shapely.intersects(one, area))
