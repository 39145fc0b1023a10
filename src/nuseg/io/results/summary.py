"""The summary of a batch: one row an image, also the record of what need not be done again."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path

FILE = "summary.csv"


@dataclass(frozen=True)
class Row:
    """What became of one image. A failed image has an `error` and no numbers.

    `settings` identifies what the numbers depend on beside the image: model, thresholds and `--mpp`.
    """

    name: str
    image: str
    width: int | None = None
    height: int | None = None
    mpp: float | None = None
    mpp_source: str = ""
    nuclei: int | None = None
    nuclei_per_mm2: float | None = None
    mean_area_um2: float | None = None
    mask_fraction: float | None = None
    seconds: float | None = None
    model: str = ""
    settings: str = ""
    warning: str = ""
    error: str = ""


COLUMNS = [field.name for field in fields(Row)]
TEXT = ["name", "image", "mpp_source", "model", "settings", "warning", "error"]
WHOLE = ["width", "height", "nuclei"]


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV, whole or not at all."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS)
    table = table.astype(dict.fromkeys(WHOLE, "Int64")).round({"nuclei_per_mm2": 2, "mean_area_um2": 3})
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
        table = table[COLUMNS]
    except (OSError, ValueError, KeyError) as error:
        raise NusegError(
            f"{path}: expected a summary by nuseg segment, found another file: choose another output folder"
        ) from error
    table[TEXT] = table[TEXT].fillna("")
    values = table.astype(object).where(table.notna(), None)
    return [Row(*record) for record in values.itertuples(index=False)]
