"""Nuclei drawn in several pieces, which formats with simple outlines alone put together as a group."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import shapely

from nuseg.annotations.format import UNNAMED


@dataclass(frozen=True)
class Shape:
    """One outline of a file: its area, its class, and the group that it is part of, if any."""

    area: shapely.Geometry
    label: str | None
    group: Hashable | None = None


def joined(shapes: Iterable[Shape]) -> tuple[list[shapely.Geometry], list[str | None]]:
    """Make nuclei of shapes: those of one group and one class are pieces of one.

    Returns
    -------
    areas : list of shapely.Polygon or shapely.MultiPolygon
    classes : list of (str or None)
        `UNNAMED` counts as none.
    """
    pieces: dict[Hashable, list[shapely.Geometry]] = {}
    labels: list[str | None] = []
    for number, shape in enumerate(shapes):
        key = ("alone", number) if shape.group is None else ("group", shape.group, shape.label)
        if key not in pieces:
            pieces[key] = []
            labels.append(None if shape.label in (None, "", UNNAMED) else shape.label)
        pieces[key].append(shape.area)
    return [parts[0] if len(parts) == 1 else shapely.union_all(parts) for parts in pieces.values()], labels
