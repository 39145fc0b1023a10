"""The nuclei of a result in the parts of a checkpoint, read page by page."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.measure.outline import parted
from nuseg.results.batch import NucleiBatch, put_classes
from nuseg.results.store import Box
from nuseg.segmentation.checkpoint import Checkpoint
from nuseg.segmentation.components import MEASURES, ComponentPixels, Nuclei
from nuseg.segmentation.part_check import OF_CLASSES

PAGE = 2048  # px of the model's grid: nuclei are numbered square by square of this side, in reading order
PARTS_KEPT = 4  # in memory, of those on disk
# Parts of a checkpoint: of a tile, the nuclei that it shares with others, those of a part of a giant.
TILE, JOINED, GIANT = "tile", "joined", "giant"
Part = TypeVar("Part", Nuclei, ComponentPixels)
Page = tuple[int, int]


def kept_arrays(part: Nuclei | ComponentPixels, classes: int) -> dict[str, np.ndarray]:
    """Give what is kept of a part: all its arrays, those of classes where the model has some."""
    return {name: array for name, array in vars(part).items() if classes or name not in OF_CLASSES}


def load_part(kind: type[Part], parts: Checkpoint, number: tuple[str, int], classes: int) -> Part:
    """Load a part of which `kept_arrays` was kept.

    Parameters
    ----------
    kind : Nuclei or ComponentPixels
    parts : Checkpoint
    number : (str, int)
        Kind and number of the part.
    classes : int
        That the model has.

    Raises
    ------
    NusegError
        It is damaged, or of a model with other classes.
    """
    names = [name for name in kind.__dataclass_fields__ if classes or name not in OF_CLASSES]
    arrays = parts.load(*number, names)
    if not classes:
        arrays.append(np.zeros((len(arrays[0]), 0)))
        return kind(*arrays)
    if len(arrays[-1]) and arrays[-1].shape[1] != classes:
        raise NusegError(
            f"{' '.join(map(str, number))}: expected {classes} classes, found {arrays[-1].shape[1]}: segment the image "
            "again into another folder"
        )
    return kind(*arrays)


class PartStore:
    """Nuclei in the parts of a checkpoint, read page by page.

    A page is a square of `PAGE` px of the model's grid. Nuclei are numbered from 1 page by page, in a page by their
    first pixels, both in reading order.
    """

    def __init__(self, scale: float, parts: Checkpoint, classes: Sequence[str] = ()) -> None:
        """Begin without parts, of a model with some classes; pixels of its grid are `scale` px of level 0 a side."""
        self._scale, self._parts, self._classes = scale, parts, classes
        self._pages: dict[Page, list[tuple[str, int]]] = defaultdict(list)
        self._index: dict[Page, tuple[int, Box]] = {}
        self._load = lru_cache(PARTS_KEPT)(self._read)

    def _read(self, kind: str, number: int) -> Nuclei:
        return load_part(Nuclei, self._parts, (kind, number), len(self._classes))

    def add(self, kind: str, number: int, first: np.ndarray) -> None:
        """Add a part, of whose nuclei the first pixels are given; its pages must not have been read."""
        for page in np.unique(first // PAGE, axis=0).tolist():
            self._pages[tuple(page)].append((kind, number))

    def _page(self, page: Page) -> Nuclei:
        found = [self._load(*part) for part in self._pages[page]]
        nuclei = Nuclei.together([part.take((part.first // PAGE == page).all(axis=1)) for part in found])
        return nuclei.take(np.lexsort((nuclei.first[:, 1], nuclei.first[:, 0])))

    def pages(self, first_id: int = 1, start: float = 0, stop: float = np.inf) -> Iterator[NucleiBatch]:
        """Give the nuclei of some rows of pages page by page; `first_id` is the number of the first of them."""
        for page in sorted(page for page in self._pages if start <= page[0] < stop):
            nuclei = self._page(page)
            # The box that holds them: whoever looks for the nuclei of a place later need not read the others.
            sides = (nuclei.corners * (self._scale / 2)).T  # one by one: NumPy takes long over short rows
            left, top = (float(side.min(initial=np.inf)) for side in sides)
            right, bottom = (float(side.max(initial=-np.inf)) for side in sides)
            self._index[page] = first_id, (left, top, right, bottom)
            yield as_batch(nuclei, self._scale, first_id, self._classes)
            first_id += len(nuclei)

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        """Give all nuclei page by page, or the pages that hold some which meet a box."""
        if box is None:
            yield from self.pages()
            return
        if len(self._index) < len(self._pages):
            for _ in self.pages():
                pass
        for page, (first_id, held) in sorted(self._index.items()):
            if held[0] < box[2] and held[2] > box[0] and held[1] < box[3] and held[3] > box[1]:
                yield as_batch(self._page(page), self._scale, first_id, self._classes)

    def close(self) -> None:
        """Remove the parts."""
        self._parts.remove()


def as_batch(nuclei: Nuclei, scale: float, first_id: int, classes: Sequence[str] = ()) -> NucleiBatch:
    """Bring nuclei from the model's grid, whose pixels are `scale` px of level 0 a side, to the source."""
    table = pd.DataFrame(nuclei.measures, columns=MEASURES)
    table[["x_px", "y_px"]] *= scale
    table["area_px"] *= scale**2
    table.insert(0, "id", np.arange(first_id, first_id + len(nuclei)))
    if classes:
        put_classes(table, classes, nuclei.class_probability)
    return NucleiBatch(table, parted(nuclei.corners * (scale / 2), nuclei.lengths))
