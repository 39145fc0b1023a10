"""Tables (CSV) that authors distribute beside their images."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.text import in_short, shortened

_LONGEST = 1 << 24  # characters in one cell


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Give the rows of a CSV, by names of columns, without spaces around the values.

    Raises
    ------
    NusegError
        Unreadable, without one of `columns`, or with a row that ends before one of them.
    """
    usual = csv.field_size_limit(_LONGEST)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            found = [(name or "").strip() for name in rows.fieldnames or []]
            missing = [name for name in columns if name not in found]
            if missing:
                raise NusegError(
                    f"{path}: expected the column {missing[0]}, found "
                    f"{shortened(', '.join(found)) or 'an empty table'}; download it again"
                )
            for row in rows:
                if any(row.get(name) is None for name in rows.fieldnames or [] if (name or "").strip() in columns):
                    raise NusegError(
                        f"{path}: line {rows.line_num}: expected {', '.join(columns)}, found fewer values; "
                        "download it again"
                    )
                yield {(name or "").strip(): value.strip() for name, value in row.items() if isinstance(value, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise NusegError(f"{path}: cannot be read as CSV ({in_short(problem)}); download it again") from problem
    finally:
        csv.field_size_limit(usual)
