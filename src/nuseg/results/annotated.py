"""What was counted in annotated areas: one row per area."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.counts import count_interval
from nuseg.results.info import ResultInfo
from nuseg.results.statistics import MEASURES, Statistics
from nuseg.results.summary import Row
from nuseg.text import csv_line

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

    def record(self) -> dict[str, Any]:
        """Give the row as JSON can hold it."""
        return asdict(self)


def annotation_rows(info: ResultInfo, found: Statistics) -> list[AnnotationRow]:
    """Make the rows of a result's annotated areas of what was counted in them."""
    rows = []
    covers = MEASURES.index("area_um2")
    for area, mm2, count, sums in zip(
        info.annotations, info.annotations_mm2.tolist(), found.area_counts.tolist(), found.area_sums, strict=True
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
            )
        )
    return rows


COLUMNS = [*(one.name for one in fields(AnnotationRow) if one.name != "mean"), *(f"mean_{name}" for name in MEASURES)]


def as_table(rows: Iterable[AnnotationRow]) -> pd.DataFrame:
    """Make a table of rows, with a column for every mean: `mean_area_um2` and so on."""
    plain = []
    for row in rows:
        record = row.record()
        means = record.pop("mean")
        plain.append(record | {f"mean_{name}": value for name, value in means.items()})
    table = pd.DataFrame(plain, columns=COLUMNS)
    table = table.astype(dict.fromkeys(("nuclei", "nuclei_low", "nuclei_high"), "Int64"))
    means = dict.fromkeys((f"mean_{name}" for name in MEASURES), MEAN_DECIMALS)
    return table.astype(dict.fromkeys((*DECIMALS, *means), float)).round(DECIMALS | means)


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
            as_table(rows).to_csv(temporary, index=False, header=False, lineterminator="\n")
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
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line([*OWNER, *COLUMNS]) + "\n")
        for row in owners:
            prefix = csv_line([row.name, row.patient, row.group])
            lines = (marker / PLACE / f"{row.name}.csv").read_text(encoding="utf-8").splitlines()
            file.writelines(f"{prefix},{line}\n" for line in lines)
