"""Reading a journal of corrections: JSON lines, a header and one entry each.

A line counts when it ends: what follows the last line break was being written when the power or the process went, and
is passed over."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from nuseg.annotations.corrections.entries import ENTRY, FORMAT, Entry, Header
from nuseg.annotations.corrections.history import History
from nuseg.errors import NusegError
from nuseg.io.places import plain_name
from nuseg.strict import problems_of
from nuseg.text import in_short, shown

FOLDER = "corrections"
"""In a folder of results."""
SUFFIX = ".jsonl"
LARGEST = 1 << 30
"""Bytes of a journal that are read at most."""
LONGEST_LINE = 1 << 23
"""Bytes."""


def journal_path(home: Path, name: str) -> Path:
    """Where the corrections of an image are kept; `home` is the folder of results.

    Raises
    ------
    NusegError
        The name cannot be that of a file, or links lead out of `home`.
    """
    try:
        path = home / FOLDER / plain_name(f"{name}{SUFFIX}")
    except ValueError as problem:
        raise NusegError(f"{home}: no corrections can be kept of {shown(name)} ({problem}); rename the image") from None
    if not path.resolve().is_relative_to(home.resolve()):
        raise NusegError(f"{path}: a link that leads out of {home}, which is not followed; put the file itself there")
    return path


@dataclass
class Journal:
    """What was read of a journal.

    Attributes
    ----------
    path : Path
    header : Header
    history : History
    size : int
        Bytes that were read: up to the last whole line.
    """

    path: Path
    header: Header
    history: History
    size: int

    def read_on(self) -> None:
        """Read what was added since.

        Raises
        ------
        NusegError
            It cannot be read, or a line is damaged.
        """
        lines, size = _whole_lines(self.path, self.size)
        for line in lines:
            _take(self.path, self.history, line)
        self.size = size


def read_journal(path: Path) -> Journal | None:
    """Read a journal from its beginning; None where there is none, or no whole line in it yet.

    Raises
    ------
    NusegError
        It is damaged, of a newer nuseg, or too large.
    """
    lines, size = _whole_lines(path, 0)
    first = next(lines, None)
    if first is None:
        return None
    header = _header(path, first)
    journal = Journal(path, header, History(header.base.nuclei), size)
    for line in lines:
        _take(path, journal.history, line)
    return journal


def _whole_lines(path: Path, start: int) -> tuple[Iterator[bytes], int]:
    """Give the whole lines from a byte on, and the byte after the last of them."""
    try:
        if path.is_file():
            found = path.stat().st_size
            if found > LARGEST:
                raise NusegError(
                    f"{path}: expected a journal of corrections of at most {LARGEST:,} bytes, found {found:,}; "
                    "move it away to begin anew"
                )
            with path.open("rb") as file:
                file.seek(start)
                added = file.read(LARGEST)
        else:
            added = b""
    except OSError as error:
        raise NusegError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    whole = added[: added.rfind(b"\n") + 1]
    return iter(whole.split(b"\n")[:-1]), start + len(whole)


def _header(path: Path, line: bytes) -> Header:
    try:
        header = Header.model_validate_json(line[:LONGEST_LINE])
    except ValidationError as error:
        raise NusegError(
            f"{path}: expected a journal of nuseg's corrections, found another file ({in_short(problems_of(error))}); "
            "move it away to begin anew"
        ) from error
    if header.format > FORMAT:
        raise NusegError(f"{path}: corrections of a newer nuseg (format {header.format}, known up to {FORMAT}): update")
    return header


def _take(path: Path, history: History, line: bytes) -> None:
    try:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{len(line):,} bytes")
        history.take(parse_entry(line))
    except ValueError as error:
        raise NusegError(
            f"{path}: line {history.version + 2} is damaged ({in_short(error)}); put a copy back, or delete the file "
            "from this line on to go on without them"
        ) from error


def parse_entry(line: bytes) -> Entry:
    """Read one entry.

    Raises
    ------
    ValueError
        In one line, what is wrong.
    """
    try:
        return ENTRY.validate_json(line)
    except ValidationError as error:
        raise ValueError(problems_of(error)) from error
