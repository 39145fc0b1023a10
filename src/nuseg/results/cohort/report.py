"""Write the report on a results folder: one page, and its tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.io.documents import DocumentError, read_table
from nuseg.report.page import write_page
from nuseg.results.annotated import ANNOTATIONS
from nuseg.results.cohort.classes import COLUMNS as CLASS_COLUMNS
from nuseg.results.cohort.classes import ClassRow, class_names, class_rows
from nuseg.results.cohort.gather import Cohort, Entry, read_cohort
from nuseg.results.cohort.groups import GroupRow, group_rows
from nuseg.results.cohort.looks import Look, find_looks
from nuseg.results.cohort.page import Shown, folder_files, render_cohort
from nuseg.results.facts import QUANTILES, read_picture, size_quantiles
from nuseg.results.records import MARKER, Records
from nuseg.results.summary import COUNT, DENSITY

PAGE, TABLE, GROUPS, CLASSES = "report.html", "report.csv", "report_groups.csv", "report_classes.csv"
ROUNDS = 5  # of writing the report while others go on writing results
KEPT = ("name", "image", "patient", "group", "nuclei", "nuclei_low", "nuclei_high", "nuclei_per_mm2", "area_mm2")
KEPT_TOO = ("density_area", "mean_area_um2", "mask_fraction", "mpp", "mpp_source", "model", "settings", "warning")
WHOLE = ("nuclei", "nuclei_low", "nuclei_high")


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes
    ----------
    page, table, groups : Path
        The page; the table of images; the table of groups.
    looks : list of Look
        What should be looked at.
    images, excluded : int
        Images with and without a result.
    """

    page: Path
    table: Path
    groups: Path
    looks: list[Look]
    images: int
    excluded: int


def write_report(
    folder: str | Path, out: str | Path | None = None, table: str | Path | None = None, by: str | None = None
) -> Report:
    """Write one page about all results in a folder, to be printed on A4, and its tables as CSV.

    It is as large for ten thousand images as for some hundreds: the page shows the first of them, the tables have all.
    Where other processes add results while it is written, it is written again.

    Parameters
    ----------
    folder : path
        Results, written by `nuseg segment` or `nuseg.segment_folder`.
    out : path, optional
        Folder for `report.html`, `report.csv`, `report_groups.csv`, and where the model tells classes
        `report_classes.csv`; default: that of the results.
    table : path, optional
        CSV with the images in a column `name`, and what is known of them, such as `patient` and `group`.
    by : str, optional
        Column of the table to compare by; default: `group`.

    Returns
    -------
    Report

    Raises
    ------
    NusegError
        The folder holds no results, the table cannot be used, or the report cannot be written.
    """
    folder = Path(folder)
    place = folder if out is None else Path(out)
    for _ in range(ROUNDS):
        before = Records(folder).state()
        report = _write(read_cohort(folder, table, by), place)
        if Records(folder).state() == before:
            break
    return report


def is_current(folder: Path) -> bool:
    """Whether a results folder has a page that is newer than all of its results."""
    try:
        written = (folder / PAGE).stat().st_mtime_ns
    except OSError:
        return False
    return all(changed <= written for changed, *_ in Records(folder).state().values())


def _write(cohort: Cohort, place: Path) -> Report:
    looks, groups, classes = find_looks(cohort.entries), group_rows(cohort), class_rows(cohort)
    report = Report(place / PAGE, place / TABLE, place / GROUPS, looks, len(cohort.entries), cohort.excluded)
    with atomic_path(report.table) as temporary:
        image_table(cohort, looks).to_csv(temporary, index=False)
    with atomic_path(report.groups) as temporary:
        group_table(groups).to_csv(temporary, index=False)
    if classes:
        with atomic_path(place / CLASSES) as temporary:
            class_table(classes).to_csv(temporary, index=False)
    else:
        (place / CLASSES).unlink(missing_ok=True)  # of what was in the folder before
    shown = Shown(
        cohort=cohort,
        looks=looks,
        groups=groups,
        classes=classes,
        areas=read_areas(cohort.folder),
        files=folder_files(place) | folder_files(cohort.folder),
        picture=partial(read_picture, cohort.folder / MARKER),
    )
    write_page(render_cohort(shown), report.page)
    return report


def image_table(cohort: Cohort, looks: list[Look]) -> pd.DataFrame:
    """Make the table of images: those with a result, those that failed, and those of the table without one."""
    about: dict[str, list[str]] = {}
    for look in looks:
        for name in look.names:
            about.setdefault(name, []).append(f"{look.kind}: {look.text}")
    rows = [_entry_row(entry) | {"look_at": "; ".join(about.get(entry.name, ()))} for entry in cohort.entries]
    rows += [{"name": row.name, "image": row.image, "excluded": row.error} for row in cohort.failed]
    rows += [{"name": name, "excluded": "no result"} for name in cohort.absent]
    further = cohort.clinical.columns if cohort.clinical is not None else ()
    areas = [f"area_um2_p{100 * share:.0f}" for share in QUANTILES]
    local = [f"local_per_mm2_p{100 * share:.0f}" for share in QUANTILES]
    names = class_names(cohort.entries)
    of_classes = [f"{prefix}{name}" for name in names for prefix in (COUNT, DENSITY)]
    columns = [*KEPT, "low_per_mm2", "high_per_mm2", *of_classes, *areas, *local, "sharpness", *KEPT_TOO]
    columns += ["look_at", "excluded"]
    columns += [name for name in further if name not in columns]
    whole = dict.fromkeys((*WHOLE, *(COUNT + name for name in names)), "Int64")
    table = pd.DataFrame(rows, columns=columns).astype(whole)
    return table.round(4)


def _entry_row(entry: Entry) -> dict[str, Any]:
    row, facts = entry.row, entry.facts
    values = asdict(row)
    kept = {name: values[name] for name in (*KEPT, *KEPT_TOO)} | {"group": entry.row.group}
    quantiles = size_quantiles(facts.size_counts()).tolist()
    local = facts.local_densities or (None,) * len(QUANTILES)
    area = row.area_mm2
    return (
        dict(entry.said)
        | kept
        | {f"area_um2_p{100 * share:.0f}": value for share, value in zip(QUANTILES, quantiles, strict=True)}
        | {f"local_per_mm2_p{100 * share:.0f}": value for share, value in zip(QUANTILES, local, strict=False)}
        | {
            "low_per_mm2": row.nuclei_low / area if area and row.nuclei_low is not None else None,
            "high_per_mm2": row.nuclei_high / area if area and row.nuclei_high is not None else None,
            "sharpness": facts.sharpness,
        }
        | {COUNT + name: count for name, count in row.classes.items()}
        | {DENSITY + name: count / area for name, count in row.classes.items() if area}
    )


def group_table(groups: list[GroupRow]) -> pd.DataFrame:
    """Make the table of groups."""
    table = pd.DataFrame([row.record() for row in groups], columns=list(GroupRow.__dataclass_fields__))
    return table.astype(dict.fromkeys(WHOLE, "Int64")).round(4)


def class_table(classes: list[ClassRow]) -> pd.DataFrame:
    """Make the table of classes."""
    table = pd.DataFrame([row.record() for row in classes], columns=CLASS_COLUMNS)
    return table.astype(dict.fromkeys(WHOLE, "Int64")).round(4)


def read_areas(folder: Path) -> list[Mapping[str, str]]:
    """Read the table of annotated areas, if there is one that can be read."""
    path = folder / ANNOTATIONS
    if not path.is_file():
        return []
    try:
        columns, lines = read_table(path)
    except DocumentError:
        return []
    return [dict(zip(columns, line, strict=True)) for line in lines]
