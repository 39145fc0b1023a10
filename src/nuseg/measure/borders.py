"""Where a label image changes from a pixel to the next: borders of nuclei, and their pixels as runs along rows.

What is counted along borders and over runs takes a small part of the time of what is counted pixel by pixel.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nuseg.types import Integers

SMALL = np.iinfo(np.uint16).max  # labels up to this are compared in half the time


@dataclass(frozen=True, eq=False)
class Borders:
    """A label image with a border of background, laid out in one row: a neighbour is one step away.

    Attributes
    ----------
    flat : ((h + 2) * (w + 2),) integer
        The pixel in column x, row y lies at place `(y + 1) * width + x + 1`.
    width : int
        Step of one row.
    """

    flat: Integers
    width: int

    @classmethod
    def of(cls, labels: np.ndarray) -> "Borders":
        """Lay out a label image `(h, w)` of values from 0 on."""
        small = labels.max(initial=0) <= SMALL
        padded = np.zeros((labels.shape[0] + 2, labels.shape[1] + 2), np.uint16 if small else labels.dtype)
        padded[1:-1, 1:-1] = labels
        return cls(padded.ravel(), padded.shape[1])

    def changes(self, step: int) -> Integers:
        """Find the places at which the label is not that of the place a step behind: `(n,)` int64, sorted."""
        return np.flatnonzero(self.flat[:-step] != self.flat[step:])

    @cached_property
    def along_rows(self) -> Integers:
        """Places whose right neighbour is of another label."""
        return self.changes(1)

    @cached_property
    def along_columns(self) -> Integers:
        """Places whose lower neighbour is of another label."""
        return self.changes(self.width)

    @cached_property
    def runs(self) -> "Runs":
        """The nuclei as runs."""
        before = self.along_rows[:-1]
        begins = np.flatnonzero(self.flat[before + 1])
        starts = before[begins] + 1
        return Runs(starts, self.along_rows[begins + 1] + 1 - starts, self.flat[starts].astype(np.intp), self.width)


@dataclass(frozen=True, eq=False)
class Runs:
    """Nuclei as runs: pixels side by side in a row, of one nucleus, with none of it before or behind them.

    Attributes
    ----------
    place : (n,) int64
        Of the first pixel in `Borders.flat`; sorted.
    length : (n,) int64
        Pixels.
    owner : (n,) intp
        Label.
    width : int
        Step of one row.
    """

    place: Integers
    length: Integers
    owner: Integers
    width: int

    @cached_property
    def y(self) -> Integers:
        """Row of each run in the label image."""
        return self.place // self.width - 1

    @cached_property
    def x(self) -> Integers:
        """First column of each run in the label image."""
        return self.place - (self.y + 1) * self.width - 1

    @cached_property
    def begins(self) -> Integers:
        """Where each run begins among the pixels of all runs."""
        return np.cumsum(self.length) - self.length

    @cached_property
    def pixels(self) -> Integers:
        """Places of all pixels of nuclei in the label image laid out in one row, in reading order."""
        first = self.y * (self.width - 2) + self.x
        return np.repeat(first - self.begins, self.length) + np.arange(self.length.sum())

    def sums(self, values: np.ndarray, count: int) -> np.ndarray:
        """Sum values of `pixels`, `(m,)`, over each of `count` nuclei: `(count,)` float64.

        It is exact, and so does not depend on the order, where values are whole multiples of a number, and no sum
        passes 2**53 of it.
        """
        if not len(self.place):
            return np.zeros(count)
        return self.totals(np.add.reduceat(values.astype(np.float64), self.begins), count)

    def totals(self, of_runs: np.ndarray, count: int) -> np.ndarray:
        """Sum values of runs, `(n,)`, over each of `count` nuclei: `(count,)` float64."""
        return np.bincount(self.owner, of_runs, count + 1)[1:]

    def first(self, count: int) -> Integers:
        """Find the first run of each of `count` nuclei, which are all there."""
        first = np.zeros(count + 1, np.intp)
        # Of several values for one place numpy keeps the last.
        first[self.owner[::-1]] = np.arange(len(self.owner))[::-1]
        return first[1:]
