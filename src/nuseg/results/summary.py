"""The summary of a batch: one row an image or slide, also the record of what need not be done again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.measure.counts import CountError, count_interval

FILE = "summary.csv"


@dataclass(frozen=True)
class Row:
    """What became of one image or slide. A failed one has an `error` and no numbers.

    The true number of nuclei is to be expected between `nuclei_low` and `nuclei_high`, where the model says so.
    `area_mm2` is the area that `nuclei_per_mm2` and `mask_fraction` are over: of an image all of it, of a slide
    its tissue. `settings` identifies what the numbers depend on beside the image: model, thresholds and `--mpp`.
    """

    name: str
    image: str
    width: int | None = None
    height: int | None = None
    mpp: float | None = None
    mpp_source: str = ""
    nuclei: int | None = None
    nuclei_low: int | None = None
    nuclei_high: int | None = None
    nuclei_per_mm2: float | None = None
    area_mm2: float | None = None
    mean_area_um2: float | None = None
    mask_fraction: float | None = None
    damaged_tiles: int | None = None
    seconds: float | None = None
    model: str = ""
    settings: str = ""
    warning: str = ""
    error: str = ""


COLUMNS = [field.name for field in fields(Row)]
ADDED = ("nuclei_low", "nuclei_high")  # summaries of the first version lack them
TEXT = ["name", "image", "mpp_source", "model", "settings", "warning", "error"]
WHOLE = ["width", "height", "nuclei", "nuclei_low", "nuclei_high", "damaged_tiles"]


def slide_row(name: str, image: str, record: Mapping[str, Any], settings: str) -> Row:
    """Make the row of a slide from what `nuseg.results.slide.write_slide_results` returned.

    Of the keys that the caller added there, `seconds`, `model`, `count_error`, `warnings` and `damaged_tiles` (lists)
    are taken.
    """
    error = record.get("count_error")
    low, high = count_interval(record["nuclei"], error and CountError(**error)) or (None, None)
    return Row(
        name=name,
        image=image,
        width=record["width"],
        height=record["height"],
        mpp=record["mpp"],
        mpp_source=record["mpp_source"],
        nuclei=record["nuclei"],
        nuclei_low=low,
        nuclei_high=high,
        nuclei_per_mm2=record["nuclei_per_mm2"],
        area_mm2=record["tissue_mm2"],
        mean_area_um2=record["mean"].get("area_um2"),
        mask_fraction=record["mask_fraction"],
        damaged_tiles=len(record.get("damaged_tiles", ())),
        seconds=record.get("seconds"),
        model=record.get("model", ""),
        settings=settings,
        warning="; ".join(record.get("warnings", ())),
    )


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV, whole or not at all."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS)
    table = table.astype(dict.fromkeys(WHOLE, "Int64")).round({"nuclei_per_mm2": 2, "area_mm2": 6, "mean_area_um2": 3})
    table = table.round({"mask_fraction": 5, "seconds": 3})
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def read(path: Path) -> list[Row]:
    """Read the rows of an earlier batch; none where there is no file yet.

    Raises
    ------
    NusegError
        The file is not a summary.
    """
    if not path.exists():
        return []
    try:
        table = pd.read_csv(
            path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values={c: [""] for c in COLUMNS}
        )
        table = table[[column for column in COLUMNS if column not in ADDED or column in table]].reindex(columns=COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        raise NusegError(
            f"{path}: expected a summary by nuseg segment, found another file: choose another output folder"
        ) from error
    table[TEXT] = table[TEXT].fillna("")
    values = table.astype(object).where(table.notna(), None)
    return [Row(*record) for record in values.itertuples(index=False)]
