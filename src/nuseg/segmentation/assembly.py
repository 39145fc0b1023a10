"""What becomes of tiles that are done, beside those that are not: nuclei that they share, sums, pages of the result.

One thread goes after the tiles in their order, also through those that an earlier run did. The workers that separate
tiles join what they share as soon as it is whole. A row of pages is given on when no tile and no join can add to it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from nuseg.results.batch import NucleiBatch
from nuseg.results.store import MemoryStore, NucleiStore
from nuseg.segmentation import part_store, postprocess
from nuseg.segmentation.checkpoint import Checkpoint, MemoryCheckpoint
from nuseg.segmentation.joining import Join, Part, Shared, home_of_giant
from nuseg.segmentation.part_store import GIANT, JOINED, TILE, PartStore
from nuseg.segmentation.plan import Plan
from nuseg.segmentation.stitching import Group, Groups, Places
from nuseg.segmentation.tiles import thread_pool
from nuseg.types import Integers

Give = Callable[[NucleiBatch], None]
SEEN = ["y", "x", "component", "first", "damaged", "tissue", "tissue_by_area"]  # of a tile


@dataclass
class Sums:
    """What is added up over tiles.

    Attributes
    ----------
    damaged : set of (x, y, width, height)
        Where the file could not be read, in px of level 0.
    tissue : int
        Pixels of tissue, on the model's grid.
    tissue_by_area : (n,) int64
        Of them those in each annotated area.
    """

    tissue_by_area: Integers
    damaged: set[tuple[int, ...]] = field(default_factory=set)
    tissue: int = 0

    def add(self, damaged: Integers, tissue: Integers, tissue_by_area: Integers) -> None:
        """Add a tile."""
        self.damaged.update(map(tuple, damaged.tolist()))
        self.tissue += int(tissue)
        place, count = tissue_by_area.T
        known = place < len(self.tissue_by_area)
        np.add.at(self.tissue_by_area, place[known], count[known])

    @property
    def damaged_places(self) -> list[list[int]]:
        """The damaged places, each once, in reading order."""
        return [list(place) for place in sorted(self.damaged, key=lambda place: (place[1], place[0]))]


@dataclass(frozen=True, eq=False)
class Assembled:
    """All nuclei of a source, and what was added up over its tiles."""

    store: NucleiStore
    sums: Sums


class Assembly:
    """Goes after the tiles of a source; one thread calls it.

    Parameters
    ----------
    plan : Plan
    parts : Checkpoint
        Where tiles are kept, and what they share.
    join : function
        Finds the nuclei that tiles share.
    workers : Executor
        That do so.
    give : function, optional
        Takes the nuclei in the order of their numbers, page by page, while others are still being found.
    """

    def __init__(self, plan: Plan, parts: Checkpoint, join: Join, workers: Executor, give: Give | None = None) -> None:
        self._plan, self._parts, self._give = plan, parts, give
        self._join, self._workers = join, workers
        self._groups = Groups(plan.tiles)
        self._joins: deque[tuple[float, Future[list[Part]]]] = deque()
        self._reached = self._given = 0
        rows = [tile.core[0].start for tile in plan.tiles]
        self._tops = [*accumulate(reversed(rows), min, initial=np.inf)][::-1]  # of the tiles from each number on
        self._given_rows = 0.0
        self._giants: dict[int, list[int]] = {}
        for number in parts.numbers(GIANT):  # of an earlier run
            self._giants.setdefault(home_of_giant(number), []).append(number)
        self.store = PartStore(plan.grid.scale, parts, plan.classes)
        self.sums = Sums(np.zeros(len(plan.rules.annotations), np.int64))
        self.stopped = False

    def reach(self, stop: int) -> None:
        """Go after all tiles before number `stop`, which are done; whole rows of pages are given on."""
        while self._reached < stop and not self.stopped:
            self._take_tile(self._reached)
            self._reached += 1
        while self._joins and self._joins[0][1].done():
            self._add_joined()
        self._give_pages()

    def finish(self) -> Assembled:
        """Go after all tiles, wait for all joins, and give on what is left."""
        self.reach(len(self._plan.tiles))
        while self._joins:
            self._add_joined()
        self._give_pages()
        if isinstance(self._parts, MemoryCheckpoint):
            return Assembled(MemoryStore(list(self.store.batches())), self.sums)
        return Assembled(self.store, self.sums)

    def _take_tile(self, number: int) -> None:
        y, x, component, first, *sums = self._parts.load(TILE, number, SEEN)
        self.sums.add(*sums)
        self.store.add(TILE, number, first)
        self._groups.add(number, Places(y, x, component))
        for home, groups in self._groups.take_whole(number):
            if self._parts.has(JOINED, home):
                self._add_parts([*((GIANT, giant) for giant in self._giants.get(home, ())), (JOINED, home)])
            else:
                top = min(group.top for group in groups)
                shared = self._shared(home, groups)
                self._joins.append((top, self._workers.submit(self._join, self._plan.frame, shared, self._parts)))

    def _shared(self, home: int, groups: list[Group]) -> Shared:
        giants = [group for group in groups if group.giant]
        cores = {tile: self._plan.tiles[tile].core for group in giants for tile, _ in group.members}
        usual = [group for group in groups if not group.giant]
        return Shared(home, usual, giants, cores, postprocess.LARGEST_COMPONENT)

    def _add_joined(self) -> None:
        self._add_parts(self._joins[0][1].result())
        self._joins.popleft()

    def _add_parts(self, made: list[Part]) -> None:
        for kind, number in made:
            self.store.add(kind, number, self._parts.load(kind, number, ["first"])[0])

    def _give_pages(self) -> None:
        if self._give is None:
            return
        rows = self._final_rows()
        if rows <= self._given_rows:
            return
        for batch in self.store.pages(self._given + 1, self._given_rows, rows):
            if self.stopped:
                return
            self._give(batch)
            self._given += len(batch)
        self._given_rows = rows

    def _final_rows(self) -> float:
        """Number of the first row of pages that may still change; infinite at the end."""
        top = min([self._tops[self._reached], self._groups.top, *(top for top, _ in self._joins)])
        return float(np.floor(top / part_store.PAGE))


@contextmanager
def beside(assembly: Assembly) -> Iterator[Callable[[int], None]]:
    """Have an assembly go after tiles in a thread of its own, to the end where the block ends well.

    Yields
    ------
    function
        Says that all tiles before a number are done. Raises what went wrong in the thread.
    """
    with thread_pool(1) as pool:
        waiting: deque[Future[None]] = deque()

        def reach(stop: int) -> None:
            waiting.append(pool.submit(assembly.reach, stop))
            while waiting and waiting[0].done():
                waiting.popleft().result()

        try:
            yield reach
            while waiting:
                waiting.popleft().result()
        finally:
            assembly.stopped = bool(waiting)
