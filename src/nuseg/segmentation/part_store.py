"""The nuclei of a result in the parts of a checkpoint, read page by page."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from nuseg.measure.outline import parted
from nuseg.results.batch import NucleiBatch
from nuseg.results.store import Box
from nuseg.segmentation.checkpoint import Checkpoint
from nuseg.segmentation.components import MEASURES, Nuclei

PAGE = 2048  # px of the model's grid: nuclei are numbered square by square of this side, in reading order
PARTS_KEPT = 4  # in memory, of those on disk
# Parts of a checkpoint: of a tile, the nuclei that it shares with others, those of a part of a giant.
TILE, JOINED, GIANT = "tile", "joined", "giant"
NUCLEI = list(Nuclei.__dataclass_fields__)


class PartStore:
    """Nuclei in the parts of a checkpoint, read page by page.

    A page is a square of `PAGE` px of the model's grid. Nuclei are numbered from 1 page by page, in a page by their
    first pixels, both in reading order.
    """

    def __init__(self, scale: float, parts: Checkpoint) -> None:
        """Read the parts; pixels of the model's grid are `scale` px of level 0 a side."""
        self._scale, self._parts = scale, parts
        pages: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
        for kind in (TILE, JOINED, GIANT):
            for number in parts.numbers(kind):
                for page in np.unique(parts.load(kind, number, ["first"])[0] // PAGE, axis=0).tolist():
                    pages[tuple(page)].append((kind, number))
        self._pages = dict(sorted(pages.items()))
        self._load = lru_cache(PARTS_KEPT)(lambda kind, number: Nuclei(*parts.load(kind, number, NUCLEI)))

    def _page(self, page: tuple[int, int]) -> Nuclei:
        found = [self._load(*part) for part in self._pages[page]]
        nuclei = Nuclei.together([part.take((part.first // PAGE == page).all(axis=1)) for part in found])
        return nuclei.take(np.lexsort((nuclei.first[:, 1], nuclei.first[:, 0])))

    @cached_property
    def _index(self) -> list[tuple[tuple[int, int], int, Box]]:
        """Every page with the number of its first nucleus and the box that holds its nuclei."""
        index, count = [], 0
        for page in self._pages:
            nuclei = self._page(page)
            corners = nuclei.corners * (self._scale / 2)
            box = (*corners.min(axis=0, initial=np.inf).tolist(), *corners.max(axis=0, initial=-np.inf).tolist())
            index.append((page, count + 1, box))
            count += len(nuclei)
        return index

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        """Give all nuclei page by page, or the pages that hold some which meet a box."""
        if box is not None:
            for page, first_id, held in self._index:
                if held[0] < box[2] and held[2] > box[0] and held[1] < box[3] and held[3] > box[1]:
                    yield as_batch(self._page(page), self._scale, first_id)
            return
        count = 0
        for page in self._pages:
            nuclei = self._page(page)
            yield as_batch(nuclei, self._scale, count + 1)
            count += len(nuclei)

    def close(self) -> None:
        """Remove the parts."""
        self._parts.remove()


def as_batch(nuclei: Nuclei, scale: float, first_id: int) -> NucleiBatch:
    """Bring nuclei from the model's grid, whose pixels are `scale` px of level 0 a side, to the source."""
    table = pd.DataFrame(nuclei.measures, columns=MEASURES)
    table[["x_px", "y_px"]] *= scale
    table["area_px"] *= scale**2
    table.insert(0, "id", np.arange(first_id, first_id + len(nuclei)))
    return NucleiBatch(table, parted(nuclei.corners * (scale / 2), nuclei.lengths))
