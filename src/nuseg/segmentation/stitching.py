"""Components that several tiles share, joined into what the untiled slide would show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nuseg.segmentation import postprocess
from nuseg.segmentation.components import NO_NUCLEI, ComponentPixels, Nuclei, Rules
from nuseg.segmentation.tiling import Tile

Load = Callable[[int], ComponentPixels]
Window = tuple[slice, slice]
Found = tuple[ComponentPixels, np.ndarray]


@dataclass(frozen=True)
class Groups:
    """Which components of which tiles belong together.

    Attributes
    ----------
    group : (n,) int
        Of every component of every tile, tile after tile.
    start : (tiles + 1,) int
        Number of each tile's first component.
    box : (groups, 4) int
        Of each group: top, left, bottom, right, the last two exclusive.
    home : (groups,) int
        First tile that has a component of it.
    tiles : list of Tile
    """

    group: np.ndarray
    start: np.ndarray
    box: np.ndarray
    home: np.ndarray
    tiles: list[Tile]

    def pixels(self, groups: np.ndarray, load: Load, window: Window | None = None) -> Iterator[Found]:
        """Give the pixels of some groups tile by tile, and the group of each pixel; of tiles that meet a window."""
        components = np.flatnonzero(np.isin(self.group, groups))
        for tile in np.unique(np.searchsorted(self.start, components, side="right") - 1).tolist():
            if window is not None and not meet(window, self.tiles[tile].core):
                continue
            pixels = load(tile)
            group = self.group[self.start[tile] + pixels.component]
            wanted = np.isin(group, groups)
            yield pixels.take(wanted), group[wanted]


def find_groups(tiles: list[Tile], load: Load) -> Groups:
    """Join the components of all tiles: two belong together where they touch across the border of their cores.

    Parameters
    ----------
    tiles : list of Tile
        In reading order.
    load : function
        Gives the pixels of the open components of a tile, by its number.
    """
    lower = {(tile.core[0].stop, tile.core[1].start): number for number, tile in enumerate(tiles)}
    right = {(tile.core[0].start, tile.core[1].stop): number for number, tile in enumerate(tiles)}
    start = [0]
    boxes, homes, pairs = [np.zeros((0, 4), np.int64)], [np.zeros(0, np.int64)], [np.zeros((2, 0), np.int64)]
    for number, tile in enumerate(tiles):
        pixels = load(number)
        corner = tile.core[0].start, tile.core[1].start
        for axis, before in ((0, lower.get(corner)), (1, right.get(corner))):
            if before is not None:
                first_components = np.array([[start[before]], [start[number]]])
                pairs.append(first_components + touching(load(before), pixels, axis, corner[axis]))
        boxes.append(component_boxes(pixels))
        homes.append(np.full(len(boxes[-1]), number))
        start.append(start[-1] + len(boxes[-1]))
    first, second = np.hstack(pairs)
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(start[-1], start[-1]))
    count, group = connected_components(links, directed=False) if start[-1] else (0, np.zeros(0, np.int64))
    box = np.tile(np.array([2**31, 2**31, 0, 0]), (count, 1))
    component_box = np.concatenate(boxes)
    np.minimum.at(box[:, :2], group, component_box[:, :2])
    np.maximum.at(box[:, 2:], group, component_box[:, 2:])
    home = np.full(count, len(tiles))
    np.minimum.at(home, group, np.concatenate(homes))
    return Groups(group, np.array(start), box, home, tiles)


def meet(one: Window, other: Window) -> bool:
    """Whether two windows share a pixel."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def touching(before: ComponentPixels, after: ComponentPixels, axis: int, line: int) -> np.ndarray:
    """Find the components that touch across a border: `(2, n)`, of the tile before it and of the tile behind it.

    The border lies along `axis` (0: the tiles are above each other) in front of row or column `line`.
    """
    across, along = ("y", "x") if axis == 0 else ("x", "y")
    last, first = getattr(before, across) == line - 1, getattr(after, across) == line
    places = getattr(before, along)[last], getattr(after, along)[first]
    _, one, other = np.intersect1d(*places, assume_unique=True, return_indices=True)
    return np.unique(np.stack([before.component[last][one], after.component[first][other]]).astype(np.int64), axis=1)


def component_boxes(pixels: ComponentPixels) -> np.ndarray:
    """Top, left, bottom and right of each component, `(k, 4)`, the last two exclusive."""
    count = int(pixels.component.max()) + 1 if len(pixels.component) else 0
    box = np.tile(np.array([2**31, 2**31, 0, 0]), (count, 1))
    places = np.stack([pixels.y, pixels.x], axis=1)
    np.minimum.at(box[:, :2], pixels.component, places)
    np.maximum.at(box[:, 2:], pixels.component, places + 1)
    return box


def split_home(tile: int, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Give the groups whose home is a tile: those of usual size, and the giants."""
    here = np.flatnonzero(groups.home == tile)
    box = groups.box[here]
    giant = (box[:, 2:] - box[:, :2] > postprocess.LARGEST_COMPONENT).any(axis=1)
    return here[~giant], here[giant]


def nuclei_of(wanted: np.ndarray, groups: Groups, load: Load, rules: Rules) -> Nuclei:
    """Find the nuclei of groups of usual size."""
    parts = list(groups.pixels(wanted, load))
    if not parts:
        return NO_NUCLEI
    pixels, group = ComponentPixels.together([part for part, _ in parts]), np.concatenate([part for _, part in parts])
    return pixels.nuclei(rules, group)


def giant_cells(group: int, groups: Groups, load: Load) -> Iterator[ComponentPixels]:
    """Cut a giant component as `nuseg.segmentation.postprocess.cut_giants` does, and give its parts one by one."""
    side = postprocess.LARGEST_COMPONENT
    top, left, bottom, right = groups.box[group].tolist()
    for row in range(top // side, -(-bottom // side)):
        for column in range(left // side, -(-right // side)):
            window = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            parts = []
            for pixels, _ in groups.pixels(np.array([group]), load, window):
                inside = (pixels.y // side == row) & (pixels.x // side == column)
                # Row and column 0 are the slide's border, where nothing is cut.
                on_line = ((pixels.y % side == 0) & (row > 0)) | ((pixels.x % side == 0) & (column > 0))
                parts.append(pixels.take(inside & ~on_line))
            if parts:
                yield ComponentPixels.together(parts)
