"""What is counted while nuclei are written: numbers, means, densities."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from nuseg.measure.classes import CLASS
from nuseg.measure.density import CountGrid
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.areas import AnnotatedArea, members
from nuseg.results.batch import NucleiBatch
from nuseg.types import Floats, Integers

MEASURES = [name for name in COLUMNS if name not in ("id", "x_px", "y_px", "x_um", "y_um", "area_px")]

SIZES = 301  # classes of nuclear area of 1 um2


def size_bins(areas_um2: Floats) -> Integers:
    """Give the class of each nuclear area `(n,)`: its whole um2, at most `SIZES` - 1."""
    return np.minimum(areas_um2, SIZES - 1).astype(np.int64)


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
    sizes : (SIZES,) int64
        Nuclei of each whole um2 of area, in the last those of `SIZES` - 1 um2 and more.
    area_counts : (n,) int64
        Nuclei in each annotated area.
    area_sums : (n, len(MEASURES)) float64
        Sums of their measures.
    area_classes : mapping of str to (n,) int64
        Of each class that occurred, nuclei in each annotated area.
    """

    def __init__(self, shape: tuple[int, int], width: int, height: int, areas: Sequence[AnnotatedArea] = ()) -> None:
        """Begin, with densities on a grid of `shape` (rows, columns) over a source of `width` x `height` px.

        In each of `areas` is counted too.
        """
        self.count = 0
        self.grid = CountGrid(shape, width, height)
        self.classes = Counter[str]()
        self._sums = np.zeros(len(MEASURES))
        self.sizes = np.zeros(SIZES, np.int64)
        self._areas = areas
        self.area_counts = np.zeros(len(areas), np.int64)
        self.area_sums = np.zeros((len(areas), len(MEASURES)))
        self.area_classes = defaultdict[str, Integers](lambda: np.zeros(len(areas), np.int64))

    def add(self, batch: NucleiBatch) -> None:
        """Count a batch."""
        self.count += len(batch)
        x, y = batch.table["x_px"].to_numpy(), batch.table["y_px"].to_numpy()
        self.grid.add(x, y)
        self._sums += batch.table[MEASURES].sum().to_numpy()
        classes = batch.table[CLASS].to_numpy() if CLASS in batch.table else np.full(0, "", object)
        self.classes.update(classes.tolist())
        self.sizes += np.bincount(size_bins(batch.table["area_um2"].to_numpy()), minlength=SIZES)
        if self._areas:
            area, point = members(self._areas, x, y)
            self.area_counts += np.bincount(area, minlength=len(self._areas))
            np.add.at(self.area_sums, area, batch.table[MEASURES].to_numpy()[point])
            held = classes[point] if len(classes) else classes
            for name in dict.fromkeys(held.tolist()):
                self.area_classes[name] += np.bincount(area[held == name], minlength=len(self._areas))

    @property
    def area_um2(self) -> float:
        """Area of all nuclei together (um2)."""
        return float(self._sums[MEASURES.index("area_um2")])

    def means(self) -> dict[str, float]:
        """Mean of every measure over the nuclei; empty where there are none."""
        if not self.count:
            return {}
        return {name: total / self.count for name, total in zip(MEASURES, self._sums.tolist(), strict=True)}
