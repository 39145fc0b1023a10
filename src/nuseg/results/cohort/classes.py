"""Numbers of the classes of nuclei in a cohort: of each class in every group."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nuseg.measure.counts import count_interval
from nuseg.results.cohort.gather import Cohort, Entry
from nuseg.results.cohort.groups import mean_interval, patient_densities, total


@dataclass(frozen=True)
class ClassRow:
    """A class of nuclei in a group of results; of those whose model tells the class.

    Attributes
    ----------
    group, class_name : str
    images, patients, nuclei : int
    nuclei_low, nuclei_high : int, optional
        Sums of the images' bounds, were every nucleus that was found given its class rightly.
    share : float, optional
        Of all nuclei of these images, 0..1.
    area_mm2 : float
        That densities are over.
    nuclei_per_mm2 : float, optional
        All nuclei of the class over all area.
    mean_per_mm2, mean_low, mean_high : float, optional
        Mean of the patients' densities and its 95 % interval, as of `nuseg.results.cohort.groups.GroupRow`.
    """

    group: str
    class_name: str
    images: int
    patients: int
    nuclei: int
    nuclei_low: int | None
    nuclei_high: int | None
    share: float | None
    area_mm2: float
    nuclei_per_mm2: float | None
    mean_per_mm2: float | None
    mean_low: float | None
    mean_high: float | None

    def record(self) -> dict[str, Any]:
        """Give the row as plain values; the class is called `class`."""
        return {"class" if key == "class_name" else key: value for key, value in asdict(self).items()}


COLUMNS = ["class" if name == "class_name" else name for name in ClassRow.__dataclass_fields__]


def class_names(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Name the classes that any result knows, in the order of the models."""
    return tuple(dict.fromkeys(name for entry in entries for name in entry.row.classes))


def class_rows(cohort: Cohort) -> list[ClassRow]:
    """Make the rows of all classes, group by group."""
    names = class_names(cohort.entries)
    rows = []
    for group in cohort.groups:
        own = [entry for entry in cohort.entries if entry.group == group]
        rows += [class_row(name, group, tells) for name in names if (tells := telling(own, name))]
    return rows


def telling(entries: Sequence[Entry], name: str) -> list[Entry]:
    """Choose the results whose model tells a class."""
    return [entry for entry in entries if name in entry.row.classes]


def densities_of(entries: Sequence[Entry], name: str) -> dict[str, float]:
    """Nuclei of a class per mm2 of every patient; see `nuseg.results.cohort.groups.patient_densities`."""
    return patient_densities(telling(entries, name), lambda entry: entry.row.classes[name])


def class_row(name: str, group: str, entries: Sequence[Entry]) -> ClassRow:
    """Sum up a class over results that tell it."""
    counts = [entry.row.classes[name] for entry in entries]
    bounds = [count_interval(count, entry.count_error) for count, entry in zip(counts, entries, strict=True)]
    area = sum(entry.row.area_mm2 or 0 for entry in entries)
    nuclei, whole = sum(counts), sum(entry.row.nuclei or 0 for entry in entries)
    low, mean, high = mean_interval(np.array(list(densities_of(entries, name).values())))
    return ClassRow(
        group=group,
        class_name=name,
        images=len(entries),
        patients=len({entry.patient for entry in entries}),
        nuclei=nuclei,
        nuclei_low=total([bound and bound[0] for bound in bounds]),
        nuclei_high=total([bound and bound[1] for bound in bounds]),
        share=nuclei / whole if whole else None,
        area_mm2=area,
        nuclei_per_mm2=nuclei / area if area else None,
        mean_per_mm2=mean,
        mean_low=low,
        mean_high=high,
    )
