"""What is counted while nuclei are written: numbers, means, densities."""

from collections import Counter

import numpy as np

from nuseg.measure.classes import CLASS
from nuseg.measure.density import CountGrid
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch

MEASURES = [name for name in COLUMNS if name not in ("id", "x_px", "y_px", "x_um", "y_um", "area_px")]


class Statistics:
    """Sums over nuclei that come batch by batch.

    Attributes
    ----------
    count : int
        Nuclei.
    grid : CountGrid
        Where they lie.
    classes : Counter of str
        Nuclei of each class, where classes are told.
    """

    def __init__(self, shape: tuple[int, int], width: int, height: int) -> None:
        """Begin, with densities on a grid of `shape` (rows, columns) over a source of `width` x `height` px."""
        self.count = 0
        self.grid = CountGrid(shape, width, height)
        self.classes = Counter[str]()
        self._sums = np.zeros(len(MEASURES))

    def add(self, batch: NucleiBatch) -> None:
        """Count a batch."""
        self.count += len(batch)
        self.grid.add(batch.table["x_px"].to_numpy(), batch.table["y_px"].to_numpy())
        self._sums += batch.table[MEASURES].sum().to_numpy()
        if CLASS in batch.table:
            self.classes.update(batch.table[CLASS].tolist())

    @property
    def area_um2(self) -> float:
        """Area of all nuclei together (um2)."""
        return float(self._sums[MEASURES.index("area_um2")])

    def means(self) -> dict[str, float]:
        """Mean of every measure over the nuclei; empty where there are none."""
        if not self.count:
            return {}
        return {name: total / self.count for name, total in zip(MEASURES, self._sums.tolist(), strict=True)}
