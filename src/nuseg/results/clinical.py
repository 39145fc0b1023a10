"""What a table says of images beside their pixels: patient, group, and whatever else it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, read_table
from nuseg.results.summary import Row
from nuseg.text import plural, printable, shown

NAMES = ("name", "image", "slide", "file")  # columns that may name the images, the first of them is taken
PATIENT, GROUP = "patient", "group"


@dataclass(frozen=True)
class Clinical:
    """A table of images.

    Attributes
    ----------
    path : Path
        Of the table.
    columns : tuple of str
        All but that of the names.
    rows : mapping of str to tuple of str
        Values of the columns by the name of the image, or of its file with or without suffix.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]

    def name_in_table(self, name: str, image: str) -> str | None:
        """Say how the table calls a result by its name, or by the name of its image's file; None where it does not."""
        file = PurePath(image.replace("\\", "/")).name
        return next((known for known in (name, file, PurePath(file).stem) if known in self.rows), None)

    def of(self, row: Row) -> dict[str, str]:
        """Give what the table says of an image, by column; empty where it is not in the table."""
        name = self.name_in_table(row.name, row.image)
        return {} if name is None else dict(zip(self.columns, self.rows[name], strict=True))

    def labelled(self, row: Row) -> Row:
        """Give a row with the patient and the group of the table; as it is where the table says nothing of it."""
        said = self.of(row)
        return replace(row, patient=said.get(PATIENT, row.patient), group=said.get(GROUP, row.group))


def read_clinical(path: str | Path, needed: Sequence[str] = ()) -> Clinical:
    """Read a table with one row per image: CSV with a heading, and the name of each image in one of `NAMES`.

    Columns that are called `patient` and `group`, whatever their case, are taken as those.

    Parameters
    ----------
    path
        The table.
    needed : sequence of str
        Columns that it must have.

    Raises
    ------
    NusegError
        It cannot be read, names no images, lacks a column, or says two things of one image.
    """
    path = Path(path)
    try:
        columns, lines = read_table(path)
    except DocumentError as problem:
        raise NusegError(f"{path}: expected a table in CSV with a heading ({problem}); export it again") from None
    heading = [_heading(column) for column in columns]
    listed = ", ".join(shown(column) for column in columns[:20]) or "none"
    name = next((known for known in NAMES if known in heading), None)
    if name is None:
        raise NusegError(f"{path}: expected a column 'name' with the names of the images, found {listed}; add it")
    for column in needed:
        if column not in heading:
            raise NusegError(f"{path}: expected a column {shown(column)}, found {listed}; name one of them")
    if len(set(heading)) < len(heading):
        raise NusegError(f"{path}: expected each column once, found {listed}; rename one")
    at = heading.index(name)
    rows: dict[str, tuple[str, ...]] = {}
    for line in lines:
        values = [printable(" ".join(value.split())) for value in line]
        own = values.pop(at)
        if own and rows.setdefault(own, tuple(values)) != tuple(values):
            raise NusegError(f"{path}: expected one row per image, found two that differ for {shown(own)}; keep one")
    if not rows:
        raise NusegError(f"{path}: expected rows of images, found {plural(len(lines), 'row')} without a name")
    return Clinical(path, tuple(column for place, column in enumerate(heading) if place != at), rows)


def _heading(column: str) -> str:
    """Bring a column's name to one line, and those that have a meaning to lower case."""
    plain = printable(" ".join(column.split()))
    return plain.lower() if plain.lower() in (*NAMES, PATIENT, GROUP) else plain
