"""Tables in CSV that datasets keep: class and id of every nucleus, and points with classes."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.documents import DocumentError, read_table
from nuseg.text import shortened, shown

NUCLEUS_COLUMNS = ("label", "class", "id")
POINT_COLUMNS = ("x", "y", "class")
_LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True, eq=False)
class NucleusTable:
    """What is known of nuclei beside their pixels.

    Attributes
    ----------
    labels : (n,) int32
        Numbers in the label image.
    classes, ids : tuple of n (str or None)
        Class of every nucleus, and what the annotation called it; None where it is not known.
    """

    labels: np.ndarray
    classes: tuple[str | None, ...]
    ids: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Points:
    """Nuclei annotated by one point each.

    Attributes
    ----------
    xy : (n, 2) float64
        x and y in px from the upper left corner of the image: the centre of the first pixel is (0.5, 0.5).
    classes : tuple of n (str or None)
    """

    xy: np.ndarray
    classes: tuple[str | None, ...]


def read_nuclei(path: Path) -> NucleusTable:
    """Read a table of nuclei.

    Raises
    ------
    NusegError
        Missing, no such table, or with a number that is none or occurs twice.
    """
    rows = _rows(path, NUCLEUS_COLUMNS)
    labels = [_label(path, number, row[0]) for number, row in enumerate(rows, start=2)]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise NusegError(f"{path}: the label {twice} occurs twice; give every nucleus one row")
    return NucleusTable(
        np.array(labels, np.int32), tuple(row[1] or None for row in rows), tuple(row[2] or None for row in rows)
    )


def write_nuclei(path: Path, table: NucleusTable) -> None:
    """Write a table of nuclei, whole or not at all."""
    rows = zip(table.labels.tolist(), table.classes, table.ids, strict=True)
    _write(path, NUCLEUS_COLUMNS, rows)


def read_points(path: Path) -> Points:
    """Read a table of points.

    Raises
    ------
    NusegError
        Missing, no such table, or with a coordinate that is no number.
    """
    rows = _rows(path, POINT_COLUMNS)
    places = [[_coordinate(path, number, row[axis]) for axis in range(2)] for number, row in enumerate(rows, start=2)]
    return Points(np.array(places, np.float64).reshape(-1, 2), tuple(row[2] or None for row in rows))


def write_points(path: Path, points: Points) -> None:
    """Write a table of points, whole or not at all; coordinates to a thousandth of a pixel."""
    places = points.xy.round(3).tolist()
    rows = ((float(x), float(y), name) for (x, y), name in zip(places, points.classes, strict=True))
    _write(path, POINT_COLUMNS, rows)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if value is None else value for value in row] for row in rows)


def _rows(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Read the given columns, in their order."""
    try:
        found, rows = read_table(path)
    except DocumentError as problem:
        raise NusegError(f"{path}: {problem}; make the dataset again") from problem
    if any(name not in found for name in columns):
        raise NusegError(
            f"{path}: expected the columns {','.join(columns)}, found {shortened(','.join(found)) or 'nothing'}"
        )
    places = [found.index(name) for name in columns]
    return [[row[place].strip() for place in places] for row in rows]


def _label(path: Path, row: int, text: str) -> int:
    try:
        label = int(text)
    except ValueError:
        label = 0
    if not 0 < label <= _LARGEST_LABEL:
        raise NusegError(f"{path}: row {row}: expected the number of a nucleus above 0, found {shown(text)}")
    return label


def _coordinate(path: Path, row: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise NusegError(f"{path}: row {row}: expected a coordinate in px, found {shown(text)}")
    return value
