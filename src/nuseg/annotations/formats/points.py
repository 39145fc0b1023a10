"""Points in CSV: one nucleus per row, with columns x and y and, where it has one, its class.

Coordinates are px from the upper left corner of the image: the middle of the first pixel is 0.5, 0.5. A file without
any decimal point counts pixels, as programs on arrays do: its points lie in the middle of their pixels, and that is
noted. Columns may stand in any order, in capitals too, and be parted by commas, semicolons or tabs; the class is in a
column `class`, `label`, `type` or `category`."""

import csv
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.documents import head, read_bytes
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import MAX_PX
from nuseg.errors import NusegError
from nuseg.text import in_short, shortened

WHAT = "points in CSV with the columns x, y and class"
CLASS_COLUMNS = ("class", "label", "type", "category")
ID_COLUMN = "id"
_PIXELS = "whole numbers count pixels: points are taken in the middle of their pixels"


class Points(AnnotationFormat):
    """A table of places."""

    name = "points"
    help = "CSV with one point (x, y) per nucleus, with classes"
    suffixes = (".csv", ".tsv")
    kept = "points, classes, ids"
    lost = "nothing: only read; points are written as GeoJSON"
    convention = (
        "px from the upper left corner of the image; whole numbers alone count pixels (their middles are taken)"
    )
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the columns x and y."""
        if not self.claims(path) or _columns(_first_line(path)) is None:
            return None
        return Sniff(SURE, f"{path.name} has columns x and y")

    def find(self, folder: Path) -> list[Path]:
        """List the tables in a folder that have columns x and y; others, such as lists of images, have none."""
        return [path for path in super().find(folder) if self.sniff(path) is not None]

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read one point per row.

        Raises
        ------
        NusegError
            Not there, no such table, or a coordinate is no number.
        """
        try:
            text = read_bytes(path, WHAT).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise NusegError(f"{path}: expected {WHAT} in UTF-8 ({in_short(error)}); save it again") from error
        lines = text.splitlines()
        columns = _columns(lines[0])
        if columns is None:
            raise NusegError(f"{path}: expected {WHAT}, found the columns {shortened(lines[0])}")
        rows = list(csv.reader(lines[1:], delimiter=_delimiter(lines[0])))
        places = np.array([_place(row, columns, path, line) for line, row in enumerate(rows, start=2) if any(row)])
        counted = not any("." in row[columns[axis]] for row in rows if any(row) for axis in ("x", "y"))
        classes = [_cell(row, columns.get("class")) for row in rows if any(row)]
        return Annotation(
            points=places.reshape(-1, 2) + (0.5 if counted else 0.0),
            classes=some(classes),
            ids=some(_cell(row, columns.get(ID_COLUMN)) for row in rows if any(row)),
            notes=(_PIXELS,) if counted and len(places) else (),
        )


FORMAT = Points()


def _first_line(path: Path) -> str:
    return head(path).decode("utf-8", errors="replace").partition("\n")[0]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _columns(line: str) -> dict[str, int] | None:
    """Give the places of the columns x, y, class and id by name; None without x or y."""
    names = [name.strip().strip('"').lower() for name in line.strip().split(_delimiter(line))]
    if names.count("x") != 1 or names.count("y") != 1:
        return None
    found = {name: names.index(name) for name in ("x", "y", ID_COLUMN) if name in names}
    named = next((name for name in CLASS_COLUMNS if name in names), None)
    return found if named is None else found | {"class": names.index(named)}


def _place(row: list[str], columns: dict[str, int], path: Path, line: int) -> tuple[float, float]:
    values = []
    for axis in ("x", "y"):
        text = _cell(row, columns[axis]) or ""
        try:
            values.append(float(text))
        except ValueError:
            values.append(np.nan)
        if not abs(values[-1]) <= MAX_PX:
            raise NusegError(f"{path}: line {line}: expected {axis} in px, found {text[:200]!r}; correct it")
    return values[0], values[1]


def _cell(row: list[str], column: int | None) -> str | None:
    """Give what stands in a column; None where that is nothing."""
    return row[column].strip() or None if column is not None and column < len(row) else None
