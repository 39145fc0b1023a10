"""Nuclei of a layer, packed for a million of them: columns of numbers, and outlines found by place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import shapely

from nuseg.annotations.object_ids import object_id
from nuseg.errors import NusegError
from nuseg.text import in_short
from nuseg.types import Floats, Integers
from nuseg.viewer.keeping import Kept

CELL = 1024  # px of level 0; side of the squares that outlines are sent in
PER_PX = 1000  # outlines are kept to a thousandth of a pixel, as in GeoJSON
REACH = 2_000_000  # px; coordinates beyond do not fit, and no slide is so large
MOST = 5_000_000  # nuclei of a layer
OUTLINE_BYTES = 200_000_000  # of outlines that are kept of a layer; the others are read again
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
        lengths = [np.zeros(1, np.int64), *(np.diff(part.start) for part in parts)]
        points = np.concatenate([np.zeros((0, 2), np.int32), *(part.points for part in parts)])
        return Outlines(points, np.cumsum(np.concatenate(lengths)))

    def chosen(self, indices: Integers) -> "Outlines":
        """Give some of the rings."""
        first, lengths = self.start[indices], np.diff(self.start)[indices]
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        return Outlines(self.points[np.arange(start[-1]) + np.repeat(first - start[:-1], lengths)], start)

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self.points.nbytes + self.start.nbytes


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
    class_index : (n,) int32
        Place in `class_names`; -1 = none.
    read_outlines : function
        Reads the outlines of a part, when one of them is first asked for.
    parts : (p + 1,) int64
        Where each part begins that is read at once, and the end of the last one.
    class_names : tuple of str
    ids : tuple of n (str or None), optional
        Ids that a file gives, where they are not made of name and number.
    version : str
        Another one where the nuclei are others.
    """

    name: str
    numbers: Integers
    columns: Mapping[str, Floats]
    class_index: Integers
    read_outlines: Callable[[int], Outlines]
    parts: Integers
    class_names: tuple[str, ...] = ()
    ids: tuple[str | None, ...] | None = None
    version: str = ""
    _outlines: Kept[Outlines] = field(default_factory=lambda: Kept(OUTLINE_BYTES, lambda outlines: outlines.nbytes))

    def __post_init__(self) -> None:
        if len(self.numbers) > MOST:
            raise NusegError(f"{self.name}: has {len(self.numbers):,} nuclei, more than the {MOST:,} that can be shown")

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """About how much memory they take, outlines included."""
        numbers = sum(values.nbytes for values in (self.numbers, self.class_index, *self.columns.values()))
        return numbers + 16 * len(self) + min(OUTLINE_BYTES, 8 * (POINTS_PER_NUCLEUS + 1) * len(self))

    def outlines(self, indices: Integers) -> Outlines:
        """Give the outlines of some nuclei; `indices` ascend."""
        cuts = np.searchsorted(indices, self.parts)
        found = []
        for part in np.flatnonzero(np.diff(cuts)).tolist():
            own = indices[cuts[part] : cuts[part + 1]] - self.parts[part]
            found.append(self._outlines.get(part, partial(self._read_part, part)).chosen(own))
        return Outlines.together(found)

    def outline(self, index: int) -> Floats:
        """Outline of one nucleus, `(k, 2)` float64: x and y in px of level 0."""
        return self.outlines(np.array([index])).points / PER_PX

    def _read_part(self, part: int) -> Outlines:
        try:
            found = self.read_outlines(part)
        except NusegError:
            raise
        except Exception as error:  # libraries meet damage with exceptions of every kind
            raise NusegError(f"{self.name}: outlines cannot be read ({in_short(error)}); make them again") from error
        expected, count = int(self.parts[part + 1] - self.parts[part]), len(found.start) - 1
        if count != expected:
            raise NusegError(f"{self.name}: expected {expected:,} outlines, found {count:,}; make them again")
        return found

    def object_id(self, index: int) -> str:
        """The id that a nucleus has in other programs."""
        own = self.ids[index] if self.ids is not None else None
        return object_id(self.name, int(self.numbers[index])) if own is None else own

    def class_of(self, index: int) -> str | None:
        """Class of a nucleus."""
        number = int(self.class_index[index])
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
        key = cell_key(np.array([column]), np.array([row]))
        return order[np.searchsorted(keys, key)[0] : np.searchsorted(keys, key, "right")[0]]

    def cell_bytes(self, column: int, row: int) -> bytes:
        """Pack the outlines of a cell for the page.

        Returns
        -------
        bytes
            Little-endian: uint32 count n, uint32 index[n], uint32 start[n + 1] in points, float32 x and y of all
            points, from the corner of the cell.
        """
        chosen = self.in_cell(column, row)
        outlines = self.outlines(chosen)
        points = (outlines.points - np.array([column, row], np.int64) * CELL * PER_PX) / PER_PX
        packed = np.concatenate([[len(chosen)], chosen, outlines.start]).astype("<u4"), points.astype("<f4")
        return b"".join(part.tobytes() for part in packed)


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
