"""The table of nuclei as CSV."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.classes import CLASS, class_columns
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output

DECIMALS = 4
FIRST_CODE = 2**62  # in place of names; no id comes near it
ROWS = 4096  # written at once: as Python's numbers they need five times the memory


@contextmanager
def opened(path: Path, classes: Sequence[str] = ()) -> Iterator[Add]:
    """Open a CSV (4 decimals) to add batches of nuclei to; it appears when the block ends well.

    Where `classes` are told, tables have their columns.
    """
    columns = [*COLUMNS, *class_columns(classes)]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write((",".join(map(quoted, columns)) + "\n").encode())

        def add(batch: NucleiBatch) -> None:
            for start in range(0, len(batch.table), ROWS):
                file.write(as_rows(batch.table[start : start + ROWS], columns))

        yield add


def as_rows(table: pd.DataFrame, columns: Sequence[str] = tuple(COLUMNS)) -> bytes:
    """Write nuclei as lines of numbers: the shortest that read back the same, whole ones without a point, nan as "".

    Rows are written as lists in JSON, which takes a quarter of the time of pandas' own CSV. The class is written as a
    number of its own first, from `FIRST_CODE` on, since its name may hold anything.
    """
    rounded = table[list(columns)].round(DECIMALS)
    names: list[str] = []
    if CLASS in columns:
        names, rounded[CLASS] = coded(rounded[CLASS])
    listed = orjson.dumps(list(zip(*(rounded[name].tolist() for name in columns), strict=True)))
    lines = listed[2:-2].replace(b"],[", b"\n") + b"\n"
    lines = lines.replace(b".0,", b",").replace(b".0\n", b"\n").replace(b"null", b"")
    for place, name in enumerate(names):
        lines = lines.replace(f",{FIRST_CODE + place},".encode(), f",{quoted(name)},".encode())
    return lines


def coded(names: pd.Series) -> tuple[list[str], pd.Series]:
    """Names that occur, and in place of each its number among them, from `FIRST_CODE` on."""
    codes, found = pd.factorize(names)
    return [str(name) for name in found], pd.Series(codes + FIRST_CODE, names.index)


def quoted(text: str) -> str:
    """A text as a field of CSV (RFC 4180)."""
    special = any(letter in text for letter in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if special else text


OUTPUT = Output(
    name="csv",
    suffix=".csv",
    help="one row per nucleus: place, size, shape, stain, probability, class",
    open=lambda path, result: opened(path, result.info.classes),
    default_for=("image", "slide"),
)
