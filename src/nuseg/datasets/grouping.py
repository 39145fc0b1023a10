"""Which images belong together and what a table says of them: groups, given splits, resolutions."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuseg.datasets.dataset import SPLITS
from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, read_table
from nuseg.text import shortened, shown

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def groups_by_pattern(names: Sequence[str], pattern: str) -> dict[str, str]:
    """Group names by the one capture group of a regular expression, searched in each name.

    Raises
    ------
    NusegError
        The expression is wrong, has not one capture group, or does not match some names.
    """
    try:
        expression = re.compile(pattern)
    except re.error as problem:
        raise NusegError(f"group='{pattern}': not a regular expression ({problem})") from None
    if expression.groups != 1:
        raise NusegError(
            f"group='{pattern}': expected one group in parentheses, found {expression.groups}; "
            r"for names like patient_image write '^(.+?)_'"
        )
    groups: dict[str, str] = {}
    for name in names:
        match = expression.search(name)
        if match is not None and match.group(1):
            groups[name] = match.group(1)
    missed = [name for name in names if name not in groups]
    if missed:
        raise NusegError(f"group='{pattern}': does not match {some(missed)}")
    return groups


def read_column(table: Path, column: str, names: Sequence[str]) -> dict[str, str]:
    """Read a column of a CSV for the given names, which stand in its column `name` (with or without suffix).

    Raises
    ------
    NusegError
        Unreadable, columns missing, a name missing, twice with different values, or without a value.
    """
    found = read_columns(table, names, (column,))[column]
    missed = [name for name in names if not found[name]]
    if missed:
        raise NusegError(f"{table}: column {column!r} has no value for {some(missed)}")
    return found


def read_columns(table: Path, names: Sequence[str], wanted: Sequence[str] | None = None) -> dict[str, dict[str, str]]:
    """Read columns of a CSV for the given names; the value is "" where there is none.

    Parameters
    ----------
    table : Path
        With a column `name`, of names with or without suffix.
    names : sequence of str
    wanted : sequence of str, optional
        The columns; None: all but `name`.

    Raises
    ------
    NusegError
        Unreadable, columns missing, or a name twice with different values.
    """
    try:
        columns, rows = read_table(table)
    except DocumentError as problem:
        raise NusegError(f"{table}: cannot be read as CSV ({problem})") from None
    for needed in ("name", *(wanted or ())):
        if needed not in columns:
            listed = some([shortened(name) for name in columns]) if columns else "none"
            raise NusegError(f"{table}: has no column {needed!r}; its columns are {listed}")
    names_there = [row[columns.index("name")].strip() for row in rows]
    taken = wanted or [column for column in columns if column and column != "name"]
    given = {column: [row[columns.index(column)].strip() for row in rows] for column in taken}
    return {
        column: _values(table, column, list(zip(names_there, values, strict=True)), names)
        for column, values in given.items()
    }


def _values(table: Path, column: str, rows: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in rows:
        if values.setdefault(name, value) != value:
            raise NusegError(
                f"{table}: {shortened(name)} occurs twice, with {column} {shown(values[name])} and {shown(value)}"
            )
    without_suffix = {Path(name).stem: value for name, value in values.items()}
    return {name: values.get(name) or without_suffix.get(name, "") for name in names}


def given_split(values: Mapping[str, str], groups: Mapping[str, str], where: str) -> dict[str, str]:
    """Take the split given for every name; its words are checked, and no group may be divided."""
    split: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in sorted(values):
        word = _SPLIT_WORDS.get(values[name].lower())
        if word is None:
            raise NusegError(f"{where}: split of {name} is {shown(values[name])}, expected {', '.join(SPLITS)}")
        split[name] = word
        other = first.setdefault(groups[name], name)
        if split[other] != word:
            raise NusegError(
                f"{where}: group {groups[name]} is divided: {other} is in {split[other]}, {name} in {word}; "
                "images of one group must share a split"
            )
    return split


def some(names: Sequence[str], shown: int = 5) -> str:
    """Join names for a message, the first few of them."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(shortened, names[:shown])) + more
