"""The table of nuclei as CSV."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import orjson
import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.output import Add, Output
from nuseg.text import csv_line

DECIMALS = 4
ROWS = 4096  # written at once: as Python's numbers they need five times the memory


@contextmanager
def opened(path: Path, columns: Columns) -> Iterator[Add]:
    """Open a CSV (4 decimals) to add batches of nuclei to; it appears when the block ends well."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(f"{csv_line(columns.names)}\n".encode())

        def add(batch: NucleiBatch) -> None:
            for start in range(0, len(batch.table), ROWS):
                rows = batch.table[start : start + ROWS]
                lines = as_rows(rows, columns.numbers)
                file.write(with_texts(lines, rows[columns.texts]) if columns.texts else lines)

        yield add


def as_rows(table: pd.DataFrame, columns: Sequence[str]) -> bytes:
    """Write nuclei as lines of numbers: the shortest that read back the same, whole ones without a point, nan as "".

    Rows are written as lists in JSON, which takes a quarter of the time of pandas' own CSV.
    """
    rounded = table[list(columns)].round(DECIMALS)
    listed = orjson.dumps(list(zip(*(rounded[name].tolist() for name in columns), strict=True)))
    lines = listed[2:-2].replace(b"],[", b"\n") + b"\n"
    return lines.replace(b".0,", b",").replace(b".0\n", b"\n").replace(b"null", b"")


def with_texts(lines: bytes, texts: pd.DataFrame) -> bytes:
    """Put columns of text, in quotes where these are needed, behind lines of numbers."""
    written = cache(csv_line)  # few classes and areas hold many nuclei
    ends = (written(row).encode() for row in texts.itertuples(index=False, name=None))
    return b"".join(b"%s,%s\n" % pair for pair in zip(lines.splitlines(), ends, strict=True))


OUTPUT = Output(
    name="csv",
    suffix=".csv",
    help="one row per nucleus: place, size, shape, stain, probability, class",
    open=lambda path, result: opened(path, result.info.columns),
    default_for=("image", "slide"),
    beside=True,
)
