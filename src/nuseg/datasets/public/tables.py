"""Tables (CSV) that authors distribute beside their images."""

from collections.abc import Sequence
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, read_table
from nuseg.text import shortened


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Give the rows of a CSV, by names of columns, without spaces around the values.

    Raises
    ------
    NusegError
        Unreadable, or without one of `columns`.
    """
    try:
        heading, rows = read_table(path)
    except DocumentError as problem:
        raise NusegError(f"{path}: {problem}; download it again") from problem
    found = [name.strip() for name in heading]
    missing = [name for name in columns if name not in found]
    if missing:
        raise NusegError(
            f"{path}: expected the column {missing[0]}, found {shortened(', '.join(found)) or 'an empty table'}; "
            "download it again"
        )
    return [dict(zip(found, (value.strip() for value in row), strict=True)) for row in rows]
