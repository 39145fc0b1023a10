"""Components that several tiles share, joined into what the untiled slide would show, as the tiles come."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nuseg.segmentation import postprocess
from nuseg.segmentation.components import NO_NUCLEI, ComponentPixels, Nuclei, Rules
from nuseg.segmentation.tiling import Tile

Load = Callable[[int], ComponentPixels]
Window = tuple[slice, slice]
Found = tuple[ComponentPixels, np.ndarray]
ROWS, COLUMNS = 0, 1  # a border between tiles that are above each other, and beside each other


@dataclass(frozen=True)
class Places:
    """Where the pixels of a tile's open components lie on the model's grid, and whose they are, `(n,)` int32 each."""

    y: np.ndarray
    x: np.ndarray
    component: np.ndarray

    def on(self, axis: int, line: int) -> "Line":
        """What lies on a row (`ROWS`) or column."""
        across, along = (self.y, self.x) if axis == ROWS else (self.x, self.y)
        there = across == line
        return Line(along[there], self.component[there])


@dataclass(frozen=True)
class Line:
    """A row or column at a tile's border: where along it open components lie, and which, `(n,)` int32 each."""

    along: np.ndarray
    component: np.ndarray

    def touching(self, other: "Line") -> list[tuple[int, int]]:
        """Find the components of both that touch, where the other lies beside this one; each pair once."""
        _, here, there = np.intersect1d(self.along, other.along, assume_unique=True, return_indices=True)
        pairs = np.stack([self.component[here], other.component[there]], axis=1)
        return [(one, two) for one, two in np.unique(pairs, axis=0).tolist()]


@dataclass(eq=False)
class Group:
    """Components that belong together.

    Attributes
    ----------
    members : list of (tile, component)
    top, left, bottom, right : int
        On the model's grid, the last two exclusive.
    awaits : int
        The last tile into which it may reach: once that is done, the group is whole.
    """

    members: list[tuple[int, int]]
    top: int
    left: int
    bottom: int
    right: int
    awaits: int

    @property
    def home(self) -> int:
        """The first tile that has a component of it."""
        return self.members[0][0]

    @property
    def tiles(self) -> list[int]:
        """All tiles that have components of it."""
        return sorted({tile for tile, _ in self.members})

    @property
    def giant(self) -> bool:
        """Whether it is too large to be held as one."""
        return max(self.bottom - self.top, self.right - self.left) > postprocess.LARGEST_COMPONENT

    def add(self, other: "Group") -> None:
        """Take in the components of a group whose home is no earlier one."""
        self.members += other.members
        self.top, self.left = min(self.top, other.top), min(self.left, other.left)
        self.bottom, self.right = max(self.bottom, other.bottom), max(self.right, other.right)
        self.awaits = max(self.awaits, other.awaits)


class Groups:
    """The groups of all tiles: two components belong together where they touch.

    A tile comes after those above it and to its left.

    It holds what may still grow, which is that of two or three rows of tiles.
    """

    def __init__(self, tiles: list[Tile]) -> None:
        self._tiles = tiles
        self._number = {(tile.core[0].start, tile.core[1].start): number for number, tile in enumerate(tiles)}
        self._borders: dict[tuple[int, int], tuple[int, Line]] = {}  # by the tile behind it, and the axis
        self._owner: dict[tuple[int, int], Group] = {}
        self._homes: dict[int, dict[Group, None]] = {}

    def add(self, number: int, places: Places) -> None:
        """Add the open components of the next tile."""
        rows, columns = self._tiles[number].core
        groups = [
            Group([(number, component)], top, left, bottom, right, number)
            for component, (top, left, bottom, right) in enumerate(component_boxes(places).tolist())
        ]
        self._homes[number] = dict.fromkeys(groups)
        self._owner |= {group.members[0]: group for group in groups}
        for axis, corner, last in (
            (ROWS, (rows.stop, columns.start), rows.stop - 1),
            (COLUMNS, (rows.start, columns.stop), columns.stop - 1),
        ):
            behind, border = self._number.get(corner), places.on(axis, last)
            if behind is not None:
                self._borders[behind, axis] = number, border
                for component in np.unique(border.component).tolist():
                    groups[component].awaits = max(groups[component].awaits, behind)
        for axis, first in ((ROWS, rows.start), (COLUMNS, columns.start)):
            if (number, axis) in self._borders:
                before, border = self._borders.pop((number, axis))
                for one, other in border.touching(places.on(axis, first)):
                    self._join(self._owner[before, one], self._owner[number, other])

    def _join(self, one: Group, other: Group) -> None:
        if one is other:
            return
        first, second = (one, other) if one.home <= other.home else (other, one)
        del self._homes[second.home][second]
        first.add(second)
        self._owner |= dict.fromkeys(second.members, first)

    def take_whole(self, number: int) -> Iterator[tuple[int, list[Group]]]:
        """Give the tiles that are home to whole groups alone once tile `number` is done, and these; forget them."""
        for home, groups in list(self._homes.items()):
            if all(group.awaits <= number for group in groups):
                del self._homes[home]
                for group in groups:
                    for member in group.members:
                        del self._owner[member]
                if groups:
                    yield home, list(groups)

    @property
    def top(self) -> float:
        """First row of what may still grow; infinite where there is nothing."""
        return min((group.top for groups in self._homes.values() for group in groups), default=np.inf)


def component_boxes(places: Places) -> np.ndarray:
    """Top, left, bottom and right of each component, `(k, 4)`, the last two exclusive."""
    count = int(places.component.max()) + 1 if len(places.component) else 0
    low, high = np.full((2, count), 2**31, np.int64), np.zeros((2, count), np.int64)
    component = places.component.astype(np.intp)  # on single rows, with such numbers, NumPy does it 30 times as fast
    for axis, along in enumerate((places.y, places.x)):
        np.minimum.at(low[axis], component, along.astype(np.int64))
        np.maximum.at(high[axis], component, along.astype(np.int64) + 1)
    return np.concatenate([low, high]).T


def pixels_of(groups: list[Group], load: Load) -> Iterator[Found]:
    """Give the pixels of some groups tile by tile, and the place of each pixel's group in the list."""
    members: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, group in enumerate(groups):
        for tile, component in group.members:
            members[tile].append((component, place))
    for tile in sorted(members):
        pixels = load(tile)
        place_of = np.full(int(pixels.component.max()) + 1, -1)
        components, places = np.array(members[tile]).T
        place_of[components] = places
        group_of = place_of[pixels.component]
        wanted = group_of >= 0
        yield pixels.take(wanted), group_of[wanted]


def nuclei_of(groups: list[Group], load: Load, rules: Rules) -> Nuclei:
    """Find the nuclei of groups of usual size."""
    found = list(pixels_of(groups, load))
    if not found:
        return NO_NUCLEI
    pixels, group = ComponentPixels.together([part for part, _ in found]), np.concatenate([part for _, part in found])
    return pixels.nuclei(rules, group)


def meet(one: Window, other: Window) -> bool:
    """Whether two windows share a pixel."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def giant_cells(giant: Group, cores: Mapping[int, Window], side: int, load: Load) -> Iterator[ComponentPixels]:
    """Cut a giant along the rows and columns that are multiples of `side`, and give its parts one by one.

    These rows and columns no longer belong to it, whatever the tiles. Of these `cores` says where they are.
    """
    for row in range(giant.top // side, -(-giant.bottom // side)):
        for column in range(giant.left // side, -(-giant.right // side)):
            window = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            near = [member for member in giant.members if meet(window, cores[member[0]])]
            parts = []
            for pixels, _ in pixels_of([replace(giant, members=near)], load):
                inside = (pixels.y // side == row) & (pixels.x // side == column)
                # Row and column 0 are the slide's border, where nothing is cut.
                on_line = ((pixels.y % side == 0) & (row > 0)) | ((pixels.x % side == 0) & (column > 0))
                parts.append(pixels.take(inside & ~on_line))
            if parts:
                yield ComponentPixels.together(parts)
