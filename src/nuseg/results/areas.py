"""Annotated areas, in each of which nuclei are counted by themselves: their names, and what lies in them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pandas as pd
import shapely

from nuseg.results.batch import NucleiBatch
from nuseg.text import printable
from nuseg.types import Floats, Integers

NAME, CLASS = "annotation", "annotation_class"
COLUMNS = {
    NAME: "name of the annotated area that holds the centroid; of several the smallest",
    CLASS: "class of that area",
}
"""Columns that nuclei have beside those of `nuseg.measure.nuclei.COLUMNS` where areas were annotated."""


@dataclass(frozen=True, eq=False)
class AnnotatedArea:
    """An area that somebody drew.

    Attributes
    ----------
    name : str
        No other area of its file has it.
    class_name : str
        Empty where it has none.
    geometry : shapely.Polygon or shapely.MultiPolygon
        In px of level 0.
    """

    name: str
    class_name: str
    geometry: shapely.Geometry


def named_areas(
    geometries: Sequence[shapely.Geometry],
    titles: Sequence[str | None] | None = None,
    classes: Sequence[str | None] | None = None,
) -> tuple[AnnotatedArea, ...]:
    """Give every area a name of its own: its title, else its class, else "area"; names that several have are numbered.

    Parameters
    ----------
    geometries : sequence of N areas
    titles, classes : sequence of N (str or None), optional
    """
    without = [None] * len(geometries)
    kinds = [printable(kind or "") for kind in classes or without]
    wanted = [printable(title or kind or "area") for title, kind in zip(titles or without, kinds, strict=True)]
    return tuple(map(AnnotatedArea, distinct(wanted), kinds, geometries))


def distinct(names: Sequence[str]) -> list[str]:
    """Number the names that occur more than once: no two of the result are the same."""
    often = Counter(names)
    taken = set(often)
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
    found = []
    for name in names:
        own = name
        if often[name] > 1:
            own = next(numbered for number in numbers[name] if (numbered := f"{name} {number}") not in taken)
            taken.add(own)
        found.append(own)
    return found


def members(areas: Sequence[AnnotatedArea], x: Floats, y: Floats) -> tuple[Integers, Integers]:
    """Find which points lie in which areas.

    A point on a border belongs to what lies right of it or below it, as in `nuseg.annotations.polygons.contains`.

    Parameters
    ----------
    areas : sequence of AnnotatedArea
    x, y : (n,) float64
        In px of level 0.

    Returns
    -------
    area, point : (k,) int64
        Places in `areas` and among the points, of each pair once.
    """
    none = np.zeros(0, np.int64)
    if not areas or not len(x):
        return none, none
    geometries = np.array([area.geometry for area in areas], object)
    points = shapely.points(np.nextafter(x, np.inf), np.nextafter(y, np.inf))
    low_x, low_y, high_x, high_y = shapely.bounds(geometries).T
    near = np.flatnonzero((high_x >= x.min()) & (low_x <= x.max()) & (high_y >= y.min()) & (low_y <= y.max()))
    if not len(near):
        return none, none
    area, point = shapely.STRtree(points).query(geometries[near], predicate="contains")
    return near[area], point


def areas_mm2(areas: Sequence[AnnotatedArea], width: int, height: int, mpp: float) -> Floats:
    """Measure areas within a source of `width` x `height` px at `mpp` um/px: `(n,)` float64, mm2."""
    if not areas:
        return np.empty(0)
    geometries = np.array([area.geometry for area in areas], object)
    inside = shapely.intersection(geometries, shapely.box(0, 0, width, height))
    return np.asarray(shapely.area(inside) * mpp**2 / 1e6)


def assigned(batch: NucleiBatch, areas: Sequence[AnnotatedArea]) -> NucleiBatch:
    """Add the columns of `COLUMNS` to a batch: of areas that lie over each other the smallest holds a nucleus."""
    if not areas:
        return batch
    area, point = members(areas, batch.table["x_px"].to_numpy(), batch.table["y_px"].to_numpy())
    sizes = shapely.area(np.array([one.geometry for one in areas], object))
    order = np.lexsort((-area, -sizes[area]))  # the smallest is written last, and so stays; of equal ones the first
    holder = np.full(len(batch), len(areas))
    holder[point[order]] = area[order]
    texts = {NAME: [one.name for one in areas], CLASS: [one.class_name for one in areas]}
    added = {
        column: pd.Series(np.array([*values, ""], object)[holder], batch.table.index, dtype=object)
        for column, values in texts.items()
    }
    return NucleiBatch(batch.table.assign(**added), batch.polygons)
