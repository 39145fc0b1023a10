"""Numbers of the groups of a cohort, and of the whole."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from nuseg.results.cohort.gather import Cohort, Entry
from nuseg.results.facts import size_quantiles
from nuseg.results.statistics import SIZES
from nuseg.types import Floats, Integers

LEVEL = 0.95


@dataclass(frozen=True)
class GroupRow:
    """A group of results.

    Attributes
    ----------
    group : str
    images, patients, nuclei : int
    nuclei_low, nuclei_high : int, optional
        Sums of the images' bounds: the true number is between them even if all counts are off the same way.
    area_mm2 : float
        That densities are over.
    nuclei_per_mm2 : float, optional
        All nuclei over all area.
    mean_per_mm2 : float, optional
        Mean of the patients' densities, each of all nuclei over all area of one; of images where patients are unknown.
    mean_low, mean_high : float, optional
        95 % interval of that mean by Student's t; None for fewer than two.
    median_area_um2, low_area_um2, high_area_um2 : float, optional
        Of the nuclei: median, and the tenth and ninetieth percentile.
    """

    group: str
    images: int
    patients: int
    nuclei: int
    nuclei_low: int | None
    nuclei_high: int | None
    area_mm2: float
    nuclei_per_mm2: float | None
    mean_per_mm2: float | None
    mean_low: float | None
    mean_high: float | None
    median_area_um2: float | None
    low_area_um2: float | None
    high_area_um2: float | None

    def record(self) -> dict[str, Any]:
        """Give the row as plain values."""
        return asdict(self)


def group_rows(cohort: Cohort) -> list[GroupRow]:
    """Make the row of every group."""
    return [group_row(name, [entry for entry in cohort.entries if entry.group == name]) for name in cohort.groups]


def group_row(name: str, entries: Sequence[Entry]) -> GroupRow:
    """Sum up some results."""
    area = sum(entry.row.area_mm2 or 0 for entry in entries)
    nuclei = sum(entry.row.nuclei or 0 for entry in entries)
    low, mean, high = mean_interval(np.array(list(patient_densities(entries).values())))
    sizes = [None if np.isnan(value) else value for value in size_quantiles(sizes_of(entries)).tolist()]
    return GroupRow(
        group=name,
        images=len(entries),
        patients=len({entry.patient for entry in entries}),
        nuclei=nuclei,
        nuclei_low=total([entry.row.nuclei_low for entry in entries]),
        nuclei_high=total([entry.row.nuclei_high for entry in entries]),
        area_mm2=area,
        nuclei_per_mm2=nuclei / area if area else None,
        mean_per_mm2=mean,
        mean_low=low,
        mean_high=high,
        median_area_um2=sizes[2],
        low_area_um2=sizes[0],
        high_area_um2=sizes[4],
    )


def total(values: Sequence[int | None]) -> int | None:
    """Sum of numbers; None where one is not known, or there are none."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def all_nuclei(entry: Entry) -> int:
    """Nuclei of a result, of whatever class."""
    return entry.row.nuclei or 0


def patient_densities(entries: Sequence[Entry], count: Callable[[Entry], int] = all_nuclei) -> dict[str, float]:
    """Nuclei per mm2 of every patient: all that count over all area; those without area are left out."""
    nuclei: dict[str, int] = defaultdict(int)
    area: dict[str, float] = defaultdict(float)
    for entry in entries:
        nuclei[entry.patient] += count(entry)
        area[entry.patient] += entry.row.area_mm2 or 0
    return {patient: nuclei[patient] / area[patient] for patient in nuclei if area[patient]}


def mean_interval(values: Floats) -> tuple[float | None, float | None, float | None]:
    """Low end, mean and high end: the 95 % interval of a mean by Student's t, of values that are at least 0."""
    if not len(values):
        return None, None, None
    mean = float(values.mean())
    if len(values) < 2:
        return None, mean, None
    half = float(special.stdtrit(len(values) - 1, (1 + LEVEL) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return max(mean - half, 0.0), mean, mean + half


def sizes_of(entries: Sequence[Entry]) -> Integers:
    """Nuclei of each whole um2 of area over some results."""
    counts = np.zeros(SIZES, np.int64)
    for entry in entries:
        counts += entry.facts.size_counts()
    return counts
