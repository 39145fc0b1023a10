"""The table of nuclei as CSV."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import orjson
import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.areas import COLUMNS as AREA_COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output
from nuseg.text import csv_line

DECIMALS = 4
ROWS = 4096  # written at once: as Python's numbers they need five times the memory


@contextmanager
def opened(path: Path, annotated: bool = False) -> Iterator[Add]:
    """Open a CSV (4 decimals) to add batches of nuclei to; it appears when the block ends well.

    `annotated` adds the columns that say which annotated area holds a nucleus.
    """
    texts = list(AREA_COLUMNS) if annotated else []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write((",".join([*COLUMNS, *texts]) + "\n").encode())

        def add(batch: NucleiBatch) -> None:
            for start in range(0, len(batch.table), ROWS):
                rows = batch.table[start : start + ROWS]
                file.write(with_texts(as_rows(rows), rows[texts]) if texts else as_rows(rows))

        yield add


def as_rows(table: pd.DataFrame) -> bytes:
    """Write nuclei as lines of numbers: the shortest that read back the same, whole ones without a point, nan as "".

    Rows are written as lists in JSON, which takes a quarter of the time of pandas' own CSV.
    """
    rounded = table[list(COLUMNS)].round(DECIMALS)
    listed = orjson.dumps(list(zip(*(rounded[name].tolist() for name in COLUMNS), strict=True)))
    lines = listed[2:-2].replace(b"],[", b"\n") + b"\n"
    return lines.replace(b".0,", b",").replace(b".0\n", b"\n").replace(b"null", b"")


def with_texts(lines: bytes, texts: pd.DataFrame) -> bytes:
    """Put columns of text, in quotes where these are needed, behind lines of numbers."""
    written = cache(csv_line)  # few areas hold many nuclei
    ends = (written(row).encode() for row in texts.itertuples(index=False, name=None))
    return b"".join(b"%s,%s\n" % pair for pair in zip(lines.splitlines(), ends, strict=True))


OUTPUT = Output(
    name="csv",
    suffix=".csv",
    help="one row per nucleus: place, size, shape, stain, probability",
    open=lambda path, result: opened(path, bool(result.info.annotations)),
    default_for=("image", "slide"),
    beside=True,
)
