"""All results of a folder, with what is known of each, and what a table says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.measure.counts import CountError
from nuseg.results.clinical import GROUP, Clinical, read_clinical
from nuseg.results.facts import Facts, read_facts
from nuseg.results.ownership import is_results_folder
from nuseg.results.records import Record, Records
from nuseg.results.statistics import SIZES, size_bins
from nuseg.results.summary import Row

NO_FACTS = Facts()


@dataclass(frozen=True, eq=False)
class Entry:
    """A result of a cohort.

    Attributes
    ----------
    row : Row
        Of the summary, with the patient of the table.
    group : str
        That it is compared in; empty where it has none.
    facts : Facts
        Empty where none are kept.
    said : mapping of str to str
        What the table says of it.
    count_error : CountError, optional
        How far the model's counts may be off.
    """

    row: Row
    group: str = ""
    facts: Facts = NO_FACTS
    said: dict[str, str] = field(default_factory=dict)
    count_error: CountError | None = None

    @property
    def name(self) -> str:
        """Of the result."""
        return self.row.name

    @property
    def patient(self) -> str:
        """Whose image it is; where that is not known the image stands for itself."""
        return self.row.patient or self.row.name


@dataclass(frozen=True, eq=False)
class Cohort:
    """The results of a folder.

    Attributes
    ----------
    folder : Path
    entries : list of Entry
        What was segmented, by name.
    failed : list of Row
        What was not; their `error` says why.
    clinical : Clinical, optional
        The table.
    by : str
        Column that groups are of.
    absent : list of str
        Images in the table without a result.
    """

    folder: Path
    entries: list[Entry]
    failed: list[Row]
    clinical: Clinical | None = None
    by: str = GROUP
    absent: list[str] = field(default_factory=list)

    @property
    def excluded(self) -> int:
        """Images without a result, those of the table among them."""
        return len(self.failed) + len(self.absent)

    @property
    def groups(self) -> list[str]:
        """Names of the groups in their order; that without a name last."""
        found = {entry.group for entry in self.entries}
        return sorted(found, key=lambda name: (not name, name))

    @property
    def grouped(self) -> bool:
        """Whether there is any group."""
        return any(entry.group for entry in self.entries)

    @property
    def has_patients(self) -> bool:
        """Whether it is known whose images they are."""
        return any(entry.row.patient for entry in self.entries)


def read_cohort(folder: Path, table: str | Path | None = None, by: str | None = None) -> Cohort:
    """Read what a results folder holds.

    Parameters
    ----------
    folder : Path
        Written by `nuseg.segment_folder`.
    table : path, optional
        CSV with the names of the images and what is known of them.
    by : str, optional
        Column of the table to compare by; default: `group`.

    Raises
    ------
    NusegError
        It is no such folder, or the table cannot be used.
    """
    if by is not None and table is None:
        raise NusegError(f"by='{by[:200]}': expected a table with this column too; give one with table=")
    if not is_results_folder(folder):
        found = "no such folder" if not folder.is_dir() else "a folder without a summary.csv of nuseg"
        raise NusegError(f"{folder}: expected a folder of results by nuseg segment, found {found}")
    clinical = None if table is None else read_clinical(table, [] if by is None else [by])
    column = by or GROUP
    records = Records(folder)
    known = [record for _, record in sorted(records.read().items())]
    if clinical is not None:
        known = [replace(record, row=clinical.labelled(record.row)) for record in known]
    rows = [record.row for record in known]
    entries = [_entry(records, record, clinical, column) for record in known if not record.row.error]
    return Cohort(folder, entries, [row for row in rows if row.error], clinical, column, absent(clinical, rows))


def _entry(records: Records, record: Record, clinical: Clinical | None, column: str) -> Entry:
    row = record.row
    said = clinical.of(row) if clinical is not None else {}
    group = said.get(column, "") if column != GROUP else row.group
    facts = read_facts(records.marker, row.name) or facts_of_table(records.folder, row.name)
    return Entry(row, group, facts, said, record.count_error)


def absent(clinical: Clinical | None, rows: Sequence[Row]) -> list[str]:
    """Name the images in a table that have no result, in the order of the table."""
    if clinical is None:
        return []
    known = {clinical.name_in_table(row.name, row.image) for row in rows}
    return [name for name in clinical.rows if name not in known]


def facts_of_table(folder: Path, name: str) -> Facts:
    """Find the sizes of nuclei in a table of an older version, which kept no facts; nothing where there is none."""
    path = folder / "csv" / f"{name}.csv"
    try:
        areas = pd.read_csv(path, usecols=["area_um2"], dtype=np.float64)["area_um2"].to_numpy()
    except (OSError, ValueError):  # no text, no such column, no numbers
        return NO_FACTS
    known = areas[np.isfinite(areas) & (areas >= 0)]
    return Facts(sizes=tuple(np.bincount(size_bins(known), minlength=SIZES).tolist()))
