"""What the segmentation of a slide hands to the writers of its results, part by part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class NucleiBatch:
    """Nuclei of a slide that were finished together; any number.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a nucleus: the columns of `nuseg.measure.nuclei.COLUMNS`, with `x_px`, `y_px`, `area_px` in
        pixels of the slide's level 0.
    polygons : list of (k, 2) float64
        Their outlines, x and y in px of level 0, in the order and orientation of `nuseg.measure.outline`.
    """

    table: pd.DataFrame
    polygons: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.polygons)


def regroup(batches: Iterable[NucleiBatch], size: int) -> Iterator[NucleiBatch]:
    """Cut a stream of batches anew into batches of `size` nuclei, the last one smaller; the order is kept.

    What is written from it depends on the nuclei alone, not on how they came. At most `size` nuclei and one
    incoming batch are held.
    """
    tables: list[pd.DataFrame] = []
    polygons: list[np.ndarray] = []
    for batch in batches:
        if not len(batch):
            continue
        tables.append(batch.table)
        polygons += batch.polygons
        if len(polygons) < size:
            continue
        table = pd.concat(tables, ignore_index=True)
        whole = len(polygons) - len(polygons) % size
        for start in range(0, whole, size):
            yield NucleiBatch(table[start : start + size].reset_index(drop=True), polygons[start : start + size])
        tables, polygons = [table[whole:]], polygons[whole:]
    if polygons:
        yield NucleiBatch(pd.concat(tables, ignore_index=True), polygons)
