"""Nuclei of a layer, packed for a million of them: columns of numbers, and outlines found by place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import numpy as np
import shapely

from nuseg.annotations.object_ids import object_id
from nuseg.errors import NusegError
from nuseg.text import in_short
from nuseg.types import Floats, Integers

CELL = 1024  # px of level 0; side of the squares that outlines are sent in
PER_PX = 1000  # outlines are kept to a thousandth of a pixel, as in GeoJSON
REACH = 2_000_000  # px; coordinates beyond do not fit, and no slide is so large
MOST = 5_000_000  # nuclei of a layer
POINTS_PER_NUCLEUS = 32  # about, for an estimate of memory before outlines are read


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outer rings of nuclei.

    Attributes
    ----------
    points : (m, 2) int32
        x and y in thousandths of a px of level 0, ring after ring, the first point of each not repeated.
    start : (n + 1,) int64
        Where each ring begins.
    """

    points: Integers
    start: Integers

    @classmethod
    def of_rings(cls, rings: Sequence[Floats]) -> "Outlines":
        """Pack rings `(k, 2)` in px."""
        points = np.concatenate([np.zeros((0, 2)), *rings])
        return cls(fixed(points), np.concatenate([[0], np.cumsum([len(ring) for ring in rings], dtype=np.int64)]))

    @classmethod
    def of_geometries(cls, geometries: np.ndarray) -> "Outlines":
        """Pack the outer rings of polygons `(n,)`; of several pieces the largest."""
        polygons = np.array([largest(one) for one in geometries], object)
        points, owner = shapely.get_coordinates(shapely.get_exterior_ring(polygons), return_index=True)
        lengths = np.bincount(owner, minlength=len(polygons))
        start = np.concatenate([[0], np.cumsum(lengths)])
        kept = np.ones(len(points), bool)
        kept[start[1:][lengths > 0] - 1] = False  # the first point again
        return cls(fixed(points[kept]), start - np.concatenate([[0], np.cumsum(lengths > 0)]))

    @staticmethod
    def together(parts: "Sequence[Outlines]") -> "Outlines":
        """Put parts one after the other."""
        before = np.cumsum([0, *(len(part.points) for part in parts)])
        starts = [part.start[:-1] + offset for part, offset in zip(parts, before, strict=False)]
        points = np.concatenate([np.zeros((0, 2), np.int32), *(part.points for part in parts)])
        return Outlines(points, np.concatenate([*starts, before[-1:]]).astype(np.int64))

    def ring(self, index: int) -> Floats:
        """The ring of one nucleus, `(k, 2)` float64 in px."""
        return self.points[self.start[index] : self.start[index + 1]] / PER_PX


@dataclass(frozen=True, eq=False)
class Nuclei:
    """All nuclei of a layer.

    Attributes
    ----------
    name : str
        Of the results' files; ids are made of it.
    numbers : (n,) int64
        The nucleus' id in the result.
    columns : mapping of str to (n,) float32
        `x` and `y`, the centroids in px of level 0, and the measures that are known.
    read_outlines : function
        Reads the outlines, when they are first asked for.
    class_names : tuple of str
    class_index : (n,) int32
        Place in `class_names`; -1 = none.
    ids : tuple of n (str or None), optional
        Ids that a file gives, where they are not made of name and number.
    version : str
        Another one where the nuclei are others.
    """

    name: str
    numbers: Integers
    columns: Mapping[str, Floats]
    read_outlines: Callable[[], Outlines]
    class_names: tuple[str, ...] = ()
    class_index: Integers = field(default_factory=lambda: np.zeros(0, np.int32))
    ids: tuple[str | None, ...] | None = None
    version: str = ""
    _turn: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        if len(self.numbers) > MOST:
            raise NusegError(f"{self.name}: has {len(self.numbers):,} nuclei, more than the {MOST:,} that can be shown")

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """About how much memory they take, outlines included."""
        return len(self) * (8 + 4 + 4 * len(self.columns) + 8 * POINTS_PER_NUCLEUS + 8)

    @property
    def outlines(self) -> Outlines:
        """Their outlines."""
        with self._turn:
            return self._outlines

    @cached_property
    def _outlines(self) -> Outlines:
        try:
            found = self.read_outlines()
        except NusegError:
            raise
        except Exception as error:  # libraries meet damage with exceptions of every kind
            raise NusegError(f"{self.name}: outlines cannot be read ({in_short(error)}); make them again") from error
        if len(found.start) != len(self) + 1:
            raise NusegError(
                f"{self.name}: {len(found.start) - 1:,} outlines of {len(self):,} nuclei; segment it again"
            )
        return found

    def outline(self, index: int) -> Floats:
        """Outline of one nucleus, `(k, 2)` float64: x and y in px of level 0."""
        return self.outlines.ring(index)

    def object_id(self, index: int) -> str:
        """The id that a nucleus has in other programs."""
        own = self.ids[index] if self.ids is not None else None
        return object_id(self.name, int(self.numbers[index])) if own is None else own

    def class_of(self, index: int) -> str | None:
        """Class of a nucleus."""
        number = int(self.class_index[index]) if len(self.class_index) else -1
        return self.class_names[number] if number >= 0 else None

    def in_box(self, left: float, top: float, right: float, bottom: float) -> Integers:
        """Indices of the nuclei whose centroids lie in a box, ascending."""
        x, y = self.columns["x"], self.columns["y"]
        return np.flatnonzero((x >= left) & (x < right) & (y >= top) & (y < bottom))

    @cached_property
    def _cells(self) -> tuple[Integers, Integers]:
        """Indices of nuclei by cell, and the cells' keys in the same order, ascending."""
        columns, rows = (np.floor(self.columns[axis] / CELL).astype(np.int64) for axis in ("x", "y"))
        keys = cell_key(columns, rows)
        order = np.argsort(keys, kind="stable")
        return order, keys[order]

    def in_cell(self, column: int, row: int) -> Integers:
        """Indices of the nuclei whose centroids lie in a cell, ascending."""
        order, keys = self._cells
        key = cell_key(np.int64(column), np.int64(row))
        return order[slice(*np.searchsorted(keys, [key, key + 1]))]

    def cell_bytes(self, column: int, row: int) -> bytes:
        """Pack the outlines of a cell for the page.

        Returns
        -------
        bytes
            Little-endian: uint32 count n, uint32 index[n], uint32 start[n + 1] in points, float32 x and y of all
            points, from the corner of the cell.
        """
        chosen, outlines = self.in_cell(column, row), self.outlines
        first, lengths = outlines.start[chosen], np.diff(outlines.start)[chosen]
        start = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(start[-1]) + np.repeat(first - start[:-1], lengths)
        corner = np.array([column, row], np.int64) * CELL * PER_PX
        points = (outlines.points[places] - corner) / PER_PX
        head = np.concatenate([[len(chosen)], chosen, start]).astype("<u4")
        return head.tobytes() + points.astype("<f4").tobytes()


def cell_key(columns: Integers, rows: Integers) -> Integers:
    """One number for each cell."""
    return np.asarray((rows + (1 << 20)) * (1 << 22) + columns + (1 << 20))


def fixed(points: Floats) -> Integers:
    """Bring points in px to thousandths of a px.

    Raises
    ------
    NusegError
        A coordinate is not finite, or beyond any slide.
    """
    if not (np.abs(points) < REACH).all():
        raise NusegError("outlines: a coordinate that is not finite or beyond any slide; segment the image again")
    return np.round(points * PER_PX).astype(np.int32)


def largest(geometry: shapely.Geometry) -> shapely.Geometry:
    """Give a polygon, or the largest of several; an empty one where there is none."""
    if isinstance(geometry, shapely.Polygon):
        return geometry
    pieces = [one for one in shapely.get_parts(geometry) if isinstance(one, shapely.Polygon)]
    return max(pieces, key=shapely.area, default=shapely.Polygon())
