"""What a table says of the scored images: which belong together, and by what else scores are to be looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nuseg.datasets.grouping import read_column, read_columns
from nuseg.errors import NusegError
from nuseg.evaluation.report import TITLES
from nuseg.text import shown

GROUP_COLUMNS = ("patient", "slide", "group")
"""Columns that say which images belong together, where none is named; the first that the table has."""

MOST_VALUES = 12  # of a column that is taken without being named
UNKNOWN = "not stated"
_OWN = {*TITLES, "name", "group", "seen"}  # columns of per_image.csv


@dataclass(frozen=True)
class ImageTable:
    """What is known of the images beside their pixels.

    Attributes
    ----------
    groups : mapping or None
        Name of an image: patient or slide; None where the table does not say.
    columns : mapping
        Column: name of an image: its value, such as an organ.
    """

    groups: Mapping[str, str] | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_image_table(
    table: Path | None, names: Sequence[str], group_column: str | None = None, by: Sequence[str] = ()
) -> ImageTable:
    """Read what a CSV with a column `name` says of images.

    Parameters
    ----------
    table : Path, optional
    names : sequence of str
        Of the images.
    group_column : str, optional
        Patient or slide; default: `patient`, `slide` or `group`, if the table has one of them.
    by : sequence of str
        Columns to give scores by; default: all that have two to twelve values.

    Raises
    ------
    NusegError
        Columns are named without a table or are not in it, the table is unreadable, an image has no group, or a column
        is called like a score.
    """
    if table is None:
        if group_column is not None or by:
            word = "group_column" if group_column is not None else "by"
            raise NusegError(f"{word}=: needs a CSV with a column 'name'; give it with table=")
        return ImageTable()
    taken = [column for column in by if is_own(column)]
    if taken:
        raise NusegError(f"{table}: column {taken[0]!r} is called like a column of scores; rename it")
    found = read_columns(table, names)
    if group_column is None:
        group_column = next((column for column in GROUP_COLUMNS if column in found), None)
    groups = None if group_column is None else read_column(table, group_column, names)
    absent = [column for column in by if column not in found]
    if absent:
        raise NusegError(
            f"{table}: has no column {shown(absent[0])}; its columns are {', '.join(found)[:200] or 'none'}"
        )
    chosen = by or [column for column in found if column != group_column and _tells(column, found[column], len(names))]
    columns = {column: {name: found[column][name] or UNKNOWN for name in names} for column in chosen}
    return ImageTable(groups, columns)


def is_own(column: str) -> bool:
    """Whether a column of per_image.csv has this name already."""
    return column in _OWN or column.partition(":")[0] in TITLES


def _tells(column: str, values: Mapping[str, str], images: int) -> bool:
    return not is_own(column) and 2 <= len(set(values.values())) <= min(MOST_VALUES, images - 1)
