"""What was counted in annotated areas: one row per area."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.counts import count_interval
from nuseg.results.info import ResultInfo
from nuseg.results.statistics import MEASURES, Statistics
from nuseg.results.summary import COUNT, DENSITY, Row

ANNOTATIONS = "annotations.csv"
PLACE = "annotations"  # folder within that of the records
OWNER = ("name", "patient", "group")  # columns of an image that its annotations have too
DECIMALS = {"area_mm2": 6, "nuclei_per_mm2": 2, "mask_fraction": 5}
MEAN_DECIMALS = 4


@dataclass(frozen=True)
class AnnotationRow:
    """What was counted in an annotated area.

    Attributes
    ----------
    annotation, annotation_class : str
        Name and class of the area.
    nuclei : int
        Whose centroid lies in it, also where it lies in other areas too.
    nuclei_low, nuclei_high : int, optional
        Between which numbers the true count is to be expected.
    nuclei_per_mm2 : float, optional
        Over `area_mm2`; None where that is 0.
    area_mm2 : float
        Its tissue where that was looked for, else all of it within the source.
    density_area : str
        Which of them: "tissue" or "region".
    mask_fraction : float, optional
        Share of `area_mm2` that nuclei cover.
    mean : dict
        Mean of every measure over its nuclei; empty where there are none.
    classes : dict
        Nuclei of each class in it; empty where the model tells none.
    """

    annotation: str
    annotation_class: str
    nuclei: int
    nuclei_low: int | None
    nuclei_high: int | None
    nuclei_per_mm2: float | None
    area_mm2: float
    density_area: str
    mask_fraction: float | None
    mean: dict[str, float] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Give the row as JSON can hold it; without classes where there are none."""
        values = asdict(self)
        return values if self.classes else {name: value for name, value in values.items() if name != "classes"}


def annotation_rows(info: ResultInfo, found: Statistics) -> list[AnnotationRow]:
    """Make the rows of a result's annotated areas of what was counted in them."""
    rows = []
    covers = MEASURES.index("area_um2")
    for place, (area, mm2, count, sums) in enumerate(
        zip(info.annotations, info.annotations_mm2.tolist(), found.area_counts.tolist(), found.area_sums, strict=True)
    ):
        low, high = count_interval(count, info.count_error) or (None, None)
        means = (sums / count).tolist() if count else []
        rows.append(
            AnnotationRow(
                annotation=area.name,
                annotation_class=area.class_name,
                nuclei=count,
                nuclei_low=low,
                nuclei_high=high,
                nuclei_per_mm2=count / mm2 if mm2 else None,
                area_mm2=mm2,
                density_area="region" if info.tissue_mm2 is None else "tissue",
                mask_fraction=float(sums[covers]) / 1e6 / mm2 if mm2 else None,
                mean=dict(zip(MEASURES, means, strict=False)),
                classes={name: int(found.area_classes[name][place]) for name in info.classes},
            )
        )
    return rows


PLAIN = [one.name for one in fields(AnnotationRow) if one.name not in ("mean", "classes")]
COLUMNS = [*PLAIN, *(f"mean_{name}" for name in MEASURES)]
"""Columns that every table of annotations has; those of classes follow, see `class_columns`."""


def class_columns(classes: Iterable[str]) -> list[str]:
    """Columns of some classes: of each the count and the density, as in the summary."""
    return [f"{prefix}{name}" for name in classes for prefix in (COUNT, DENSITY)]


def as_table(rows: Iterable[AnnotationRow]) -> pd.DataFrame:
    """Make a table of rows, with a column for every mean, such as `mean_area_um2`, and those of classes."""
    plain, classes = [], dict[str, None]()
    for row in rows:
        classes |= dict.fromkeys(row.classes)
        plain.append(
            {name: getattr(row, name) for name in PLAIN}
            | {f"mean_{name}": value for name, value in row.mean.items()}
            | {COUNT + name: count for name, count in row.classes.items()}
            | {DENSITY + name: count / row.area_mm2 for name, count in row.classes.items() if row.area_mm2}
        )
    table = pd.DataFrame(plain, columns=[*COLUMNS, *class_columns(classes)])
    whole = ("nuclei", "nuclei_low", "nuclei_high", *(COUNT + name for name in classes))
    decimals = DECIMALS | dict.fromkeys((DENSITY + name for name in classes), 2)
    decimals |= dict.fromkeys((f"mean_{name}" for name in MEASURES), MEAN_DECIMALS)
    return table.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(decimals, float)).round(decimals)


def keep_annotations(marker: Path, name: str, rows: Sequence[AnnotationRow]) -> None:
    """Keep the rows of a result below the hidden folder `marker`, in place of those of an earlier one.

    Raises
    ------
    NusegError
        It cannot be written.
    """
    path = marker / PLACE / f"{name}.csv"
    if rows:
        with atomic_path(path) as temporary:
            as_table(rows).to_csv(temporary, index=False, lineterminator="\n")
    else:
        path.unlink(missing_ok=True)


def write_annotations(marker: Path, images: Iterable[Row], path: Path) -> None:
    """Put the rows of all images together, each with name, patient and group of its image; no file without any.

    Raises
    ------
    NusegError
        It cannot be written.
    """
    kept = {file.stem for file in (marker / PLACE).glob("*.csv")}
    owners = [row for row in images if not row.error and row.name in kept]
    if not owners:
        path.unlink(missing_ok=True)
        return
    classes = dict.fromkeys(name for row in owners for name in row.classes)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*OWNER, *COLUMNS, *class_columns(classes)], lineterminator="\n")
        table.writeheader()
        for row in owners:
            owner = {"name": row.name, "patient": row.patient, "group": row.group}
            table.writerows(owner | held for held in read_kept(marker / PLACE / f"{row.name}.csv"))


def read_kept(path: Path) -> Iterator[dict[str, str]]:
    """Read the rows that `keep_annotations` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    names = lines[0][: len(COLUMNS)] == COLUMNS and lines.pop(0)  # an older version wrote no names
    for line in lines:
        yield dict(zip(names or COLUMNS, line, strict=True))
