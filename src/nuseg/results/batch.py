"""Nuclei as they are handed on, part by part."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nuseg.measure.classes import CLASS, class_colours, most_probable, probability_column
from nuseg.measure.nuclei import COLUMNS
from nuseg.plot.outlines import GREEN
from nuseg.types import Floats, LabelImage


@dataclass(frozen=True)
class NucleiBatch:
    """Some nuclei of a result; any number.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per nucleus: the columns of `nuseg.measure.nuclei.COLUMNS`, with `x_px`, `y_px`, `area_px` in
        pixels of level 0; those of `nuseg.measure.classes.class_columns` where classes are told.
    polygons : list of (k, 2) float64
        Their outlines, x and y in px of level 0, in the order and orientation of `nuseg.measure.outline`.
    """

    table: pd.DataFrame
    polygons: list[Floats]

    def __len__(self) -> int:
        return len(self.polygons)

    @staticmethod
    def together(batches: "list[NucleiBatch]", classes: Sequence[str] = ()) -> "NucleiBatch":
        """Put batches one after the other; without any the table has the columns of these classes all the same."""
        if not batches:
            kinds = {name: np.int64 if name == "id" else np.float64 for name in COLUMNS}
            table = pd.DataFrame({name: np.zeros(0, kind) for name, kind in kinds.items()})
            if classes:
                put_classes(table, classes, np.zeros((0, len(classes))))
            return NucleiBatch(table, [])
        if len(batches) == 1:
            return batches[0]
        table = pd.concat([batch.table for batch in batches], ignore_index=True)
        return NucleiBatch(table, [polygon for batch in batches for polygon in batch.polygons])


def put_classes(table: pd.DataFrame, classes: Sequence[str], probabilities: Floats) -> None:
    """Add the columns of classes to a table: the probability of each, and the most probable one.

    Parameters
    ----------
    table : pandas.DataFrame
        n rows; changed.
    classes : sequence of c str
    probabilities : (n, c) float64
        Of any width where n is 0.
    """
    probabilities = probabilities.reshape(len(table), len(classes))
    for place, name in enumerate(classes):
        table[probability_column(name)] = probabilities[:, place]
    names = np.array(classes, object)
    table[CLASS] = pd.Series(names[most_probable(probabilities)], table.index, dtype=object)


def outline_colours(
    labels: LabelImage, batches: Iterable[NucleiBatch], classes: Sequence[str]
) -> tuple[int, int, int] | np.ndarray:
    """Colours that `nuseg.plot.outlines.draw_outlines` draws nuclei in: those of their classes, else green.

    Parameters
    ----------
    labels : (h, w) integer
        Label image, whose numbers are ids.
    batches : iterable of NucleiBatch
        That hold those nuclei; others do no harm.
    classes : sequence of str
        That are told; none without.

    Returns
    -------
    (r, g, b), or (N + 1, 3) uint8
        N is the largest number in the label image.
    """
    if not classes:
        return GREEN
    colours = class_colours(classes)
    table = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
    for batch in batches:
        numbers = batch.table["id"].to_numpy()
        for name, colour in colours.items():
            own = numbers[(batch.table[CLASS] == name).to_numpy()]
            table[own[own < len(table)]] = colour
    return table


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
