"""The summary of a folder: one row per image or slide, also the record of what need not be done again."""

from dataclasses import asdict, dataclass, fields
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import pandas as pd
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.documents import DocumentError, read_table
from nuseg.strict import problems_of
from nuseg.text import one_line, printable

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

FILE = "summary.csv"
Whole = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True)
class Row:
    """What became of one image or slide. A failed one has an `error` and no numbers.

    The true number of nuclei is to be expected between `nuclei_low` and `nuclei_high`, where the model says so.
    `area_mm2` is the area that `nuclei_per_mm2` and `mask_fraction` are over, and `density_area` says what it is of:
    "tissue" or "region" where these were asked for, else all of the "image". `settings` identifies what the numbers
    depend on beside the image: model, thresholds and options, which other columns say one by one (see
    `docs/reference.md`). `classes` are the nuclei of each class that the model tells: of each the file has the columns
    `count_NAME` and `per_mm2_NAME`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    name: str
    image: str
    width: Whole | None = None
    height: Whole | None = None
    mpp: float | None = None
    mpp_source: str = ""
    nuclei: Whole | None = None
    nuclei_low: Whole | None = None
    nuclei_high: Whole | None = None
    nuclei_per_mm2: float | None = None
    area_mm2: float | None = None
    density_area: str = ""
    mean_area_um2: float | None = None
    mask_fraction: float | None = None
    damaged_tiles: Whole | None = None
    seconds: float | None = None
    model: str = ""
    model_fingerprint: str = ""
    quality: str = ""
    views: Whole | None = None
    device: str = ""
    thresholds: str = ""
    mpp_given: float | None = None
    mpp_stated: float | None = None
    region: str = ""
    region_sha256: str = ""
    tissue_only: bool | None = None
    tile: Whole | None = None
    stain: str = ""
    patient: str = ""
    group: str = ""
    settings: str = ""
    warning: str = ""
    error: str = ""
    classes: dict[str, Whole] = dataclass_field(default_factory=dict)


COLUMNS = [field.name for field in fields(Row) if field.name != "classes"]
OLDEST = ["name", "image", "nuclei", "model", "settings", "error"]  # which summaries of every version have
WHOLE = [field.name for field in fields(Row) if field.type == (Whole | None)]
ROW = TypeAdapter(Row)
COUNT, DENSITY = "count_", "per_mm2_"  # and the name of a class


def result_row(name: str, image: str, result: "Segmentation", settings: str) -> Row:
    """Make the row of a result; `image` and `settings` identify it for later runs."""
    low, high = result.count_interval or (None, None)
    info, count = result.info, len(result)
    asked = info.settings
    thresholds = asked.get("thresholds", {})
    return Row(
        name=name,
        image=image,
        width=info.width,
        height=info.height,
        mpp=info.mpp,
        mpp_source=info.mpp_source,
        mpp_given=asked.get("mpp"),
        mpp_stated=asked.get("mpp_stated"),
        nuclei=count,
        nuclei_low=low,
        nuclei_high=high,
        nuclei_per_mm2=result.nuclei_per_mm2 if info.density_mm2 else None,
        area_mm2=info.density_mm2,
        density_area=info.density_area,
        mean_area_um2=result.statistics.means().get("area_um2"),
        mask_fraction=result.mask_fraction,
        damaged_tiles=len(info.damaged),
        seconds=info.seconds,
        model=info.model,
        model_fingerprint=asked.get("model_fingerprint", ""),
        quality=asked.get("quality") or "",
        views=asked.get("views"),
        device=asked.get("device") or "",
        thresholds="; ".join(f"{key} {value:g}" for key, value in thresholds.items()),
        region=printable(asked.get("region") or ""),
        region_sha256=asked.get("region_sha256") or "",
        tissue_only=asked.get("tissue_only"),
        tile=asked.get("tile"),
        stain=asked.get("stain") or "",
        settings=settings,
        warning=one_line("; ".join(info.notes)),
        classes={one.name: one.nuclei for one in result.classes},
    )


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV in UTF-8, whole or not at all; what is no character is written as an escape."""
    texts = [{key: printable(value) if isinstance(value, str) else value for key, value in asdict(row).items()}
             for row in rows]  # fmt: skip
    table = pd.DataFrame(texts, columns=COLUMNS)
    table = table.astype(dict.fromkeys(WHOLE, "Int64") | {"tissue_only": "boolean"})
    for name in dict.fromkeys(name for row in rows for name in row.classes):
        counts = [row.classes.get(name) for row in rows]
        table[COUNT + name] = pd.array(counts, "Int64")
        table[DENSITY + name] = [
            None if count is None or not row.area_mm2 else round(count / row.area_mm2, 2)
            for row, count in zip(rows, counts, strict=True)
        ]
    table = table.round({"nuclei_per_mm2": 2, "area_mm2": 6, "mean_area_um2": 3, "mask_fraction": 5, "seconds": 3})
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def read(path: Path) -> list[Row]:
    """Read the rows of an earlier run; none where there is no file yet. Columns that were added since are empty.

    Raises
    ------
    NusegError
        The file is not a summary.
    """
    if not path.exists():
        return []
    try:
        columns, lines = read_table(path)
        if not set(OLDEST) <= set(columns):
            raise DocumentError("other columns")
        return [_row(number, dict(zip(columns, line, strict=True))) for number, line in enumerate(lines, 1)]
    except DocumentError as error:
        raise NusegError(
            f"{path}: expected a summary by nuseg segment, found another file ({error}): choose another output folder"
        ) from error


def _row(number: int, values: dict[str, str]) -> Row:
    try:
        held = {column: values[column] for column in COLUMNS if values.get(column)}
        counts = {key.removeprefix(COUNT): value for key, value in values.items() if key.startswith(COUNT) and value}
        return ROW.validate_python({**held, "classes": counts})
    except ValidationError as error:
        raise DocumentError(f"row {number}: {problems_of(error)}") from error
