"""Nuclei as they are handed on, part by part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nuseg.measure.nuclei import COLUMNS
from nuseg.types import Floats


@dataclass(frozen=True)
class NucleiBatch:
    """Some nuclei of a result; any number.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per nucleus: the columns of `nuseg.measure.nuclei.COLUMNS`, with `x_px`, `y_px`, `area_px` in
        pixels of level 0.
    polygons : list of (k, 2) float64
        Their outlines, x and y in px of level 0, in the order and orientation of `nuseg.measure.outline`.
    """

    table: pd.DataFrame
    polygons: list[Floats]

    def __len__(self) -> int:
        return len(self.polygons)

    @staticmethod
    def together(batches: "list[NucleiBatch]") -> "NucleiBatch":
        """Put batches one after the other."""
        if not batches:
            kinds = {name: np.int64 if name == "id" else np.float64 for name in COLUMNS}
            return NucleiBatch(pd.DataFrame({name: np.zeros(0, kind) for name, kind in kinds.items()}), [])
        if len(batches) == 1:
            return batches[0]
        table = pd.concat([batch.table for batch in batches], ignore_index=True)
        return NucleiBatch(table, [polygon for batch in batches for polygon in batch.polygons])


class Regrouper:
    """Cuts a stream of batches anew into batches of a size; the order is kept.

    What is written from it depends on the nuclei alone, not on how they came. At most `size` nuclei and one incoming
    batch are held.
    """

    def __init__(self, size: int) -> None:
        self._size, self._tables, self._polygons = size, list[pd.DataFrame](), list[Floats]()

    def add(self, batch: NucleiBatch) -> Iterator[NucleiBatch]:
        """Take a batch, and give those that are full."""
        if not len(batch):
            return
        self._tables.append(batch.table)
        self._polygons += batch.polygons
        if len(self._polygons) < self._size:
            return
        table, polygons = pd.concat(self._tables, ignore_index=True), self._polygons
        whole = len(polygons) - len(polygons) % self._size
        self._tables, self._polygons = [table[whole:]], polygons[whole:]
        for start in range(0, whole, self._size):
            stop = start + self._size
            yield NucleiBatch(table[start:stop].reset_index(drop=True), polygons[start:stop])

    def rest(self) -> Iterator[NucleiBatch]:
        """Give what is left at the end, if anything is."""
        if self._polygons:
            yield NucleiBatch(pd.concat(self._tables, ignore_index=True), self._polygons)


def regroup(batches: Iterable[NucleiBatch], size: int) -> Iterator[NucleiBatch]:
    """Cut a stream of batches anew into batches of `size` nuclei, the last one smaller; see `Regrouper`."""
    cut = Regrouper(size)
    for batch in batches:
        yield from cut.add(batch)
    yield from cut.rest()
