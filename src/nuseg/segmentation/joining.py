"""The nuclei that tiles share: found as soon as all tiles are done into which they may reach."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from nuseg.segmentation.checkpoint import Checkpoint
from nuseg.segmentation.components import ComponentPixels
from nuseg.segmentation.part_store import GIANT, JOINED, PARTS_KEPT, TILE, kept_arrays, load_part
from nuseg.segmentation.plan import Frame
from nuseg.segmentation.stitching import Group, Window, giant_cells, nuclei_of

MAX_COMPONENTS = 100_000  # of a tile that reach its border
MAX_CELLS = 1_000_000  # of one giant
Part = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Shared:
    """Whole groups of components whose home is one tile; can be pickled.

    Attributes
    ----------
    home : int
        Number of the tile.
    usual, giants : list of Group
    cores : dict
        Those of the tiles into which giants reach, by their numbers.
    largest : int
        Side (px) of the squares that giants are cut into.
    """

    home: int
    usual: list[Group]
    giants: list[Group]
    cores: dict[int, Window]
    largest: int


Join = Callable[[Frame, Shared, Checkpoint], list[Part]]
"""What `join_and_keep` does, here or elsewhere."""


def join_and_keep(frame: Frame, shared: Shared, parts: Checkpoint) -> list[Part]:
    """Find the nuclei in components that tiles share, and keep them; gives the parts that were made."""
    classes = len(frame.rules.class_maps)

    @lru_cache(PARTS_KEPT)
    def load(number: int) -> ComponentPixels:
        return load_part(ComponentPixels, parts, (TILE, number), classes)

    made: list[Part] = []
    for giant in shared.giants:
        for cell, pixels in enumerate(giant_cells(giant, shared.cores, shared.largest, load)):
            made.append((GIANT, giant_number(*giant.members[0], cell)))
            parts.save(*made[-1], kept_arrays(pixels.nuclei(frame.rules), classes))
    # Last, since it says that the giants are there.
    made.append((JOINED, shared.home))
    parts.save(*made[-1], kept_arrays(nuclei_of(shared.usual, load, frame.rules), classes))
    return made


def giant_number(home: int, component: int, cell: int) -> int:
    """Number of the part of a checkpoint that holds a cell of a giant, of which a component of its home is told."""
    return (home * MAX_COMPONENTS + component) * MAX_CELLS + cell


def home_of_giant(number: int) -> int:
    """The tile that is home to a giant, by the number of one of its parts."""
    return number // (MAX_CELLS * MAX_COMPONENTS)
