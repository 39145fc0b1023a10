"""JSON, tables and texts of files that anybody may have written: looked at before they are parsed, in bounds.

No file makes a reader recurse, fill the memory or take minutes, whatever it holds. What is wrong with one is a
`DocumentError`, whose text is one short line for the caller to put behind the file's name.
"""

import csv
import gzip
import io
import json
import math
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import orjson

from nuseg.errors import NusegError
from nuseg.text import one_line, plural, shortened, shown

MB = 1_000_000
TEXT_SIZE, TABLE_SIZE = MB, 200 * MB
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


class DocumentError(ValueError):
    """Why a document cannot be read, in one short line without the file's name."""


class TooLargeError(DocumentError):
    """A document unpacks to more than is expected."""


@dataclass(frozen=True)
class Limits:
    """How large a JSON document may be.

    Attributes
    ----------
    size : int
        Bytes, unpacked.
    values : int
        Numbers, texts, lists and objects in all.
    depth : int
        Lists and objects inside one another.
    """

    size: int = 64 * MB
    values: int = 2_000_000
    depth: int = 100


def read_bytes(path: Path, size: int) -> bytes:
    """Read a whole file of at most `size` bytes.

    Raises
    ------
    DocumentError
        It is not there, no regular file (a folder, a pipe, a device), not readable, or larger.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # a pipe would wait, a device would never end
            raise DocumentError("cannot be read: no regular file")
        if state.st_size > size:
            raise DocumentError(f"cannot be read: {state.st_size:,} bytes, expected at most {size:,}")
        with path.open("rb") as file:
            raw = file.read(size + 1)
    except DocumentError:
        raise
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise DocumentError(f"cannot be read: {getattr(error, 'strerror', None) or one_line(error)}") from error
    if len(raw) > size:
        raise DocumentError(f"cannot be read: more than the {size:,} bytes that are expected at most")
    return raw


def gunzip(raw: bytes, size: int) -> bytes:
    """Unpack gzip to at most `size` bytes; what is not packed is given as it is.

    Raises
    ------
    DocumentError
        It is damaged, or larger.
    """
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            unpacked = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(f"cannot be unpacked: {one_line(error)}") from error
    if len(unpacked) > size:
        raise TooLargeError(f"cannot be unpacked: more than the {size:,} bytes that are expected at most")
    return unpacked


def check_stored(path: Path) -> None:
    """Check that a ZIP file, as NumPy and PyTorch write them, holds no more than it has bytes: it may be a bomb.

    Raises
    ------
    DocumentError
        It is no ZIP file, packed, or says that it holds more.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            inside = parts.infolist()
    except Exception as error:  # a damaged file makes zipfile fail in several ways
        raise DocumentError(f"no whole ZIP file: {shortened(one_line(error))}") from error
    if any(part.compress_type != zipfile.ZIP_STORED for part in inside):
        raise DocumentError("packed, which such files are not")
    if sum(part.file_size for part in inside) > path.stat().st_size:
        raise DocumentError("says that it holds more than it has bytes")


def read_text(path: Path, size: int = TEXT_SIZE) -> str:
    """Read a text in UTF-8; see `read_bytes`.

    Raises
    ------
    DocumentError
        Also where it is no UTF-8.
    """
    return _decode(read_bytes(path, size))


def parse_json(raw: bytes, limits: Limits = Limits()) -> Any:
    """Parse JSON, without numbers that are not finite.

    Raises
    ------
    DocumentError
        It is no JSON, or beyond the limits.
    """
    if len(raw) > limits.size:
        raise DocumentError(f"{len(raw):,} bytes, expected at most {limits.size:,}")
    bare = _STRING.sub(b'""', raw)
    brackets = bare.translate(None, _OTHERS)
    values = len(brackets) // 2 + bare.count(b",") + 1
    if values > limits.values:
        raise DocumentError(f"{values:,} values, expected at most {limits.values:,}")
    if _depth(brackets) > limits.depth:
        raise DocumentError(f"lists or objects inside one another beyond the {limits.depth} levels that are expected")
    try:
        return orjson.loads(raw)
    except ValueError:
        return _parse_slowly(raw)


def read_json(path: Path, limits: Limits = Limits()) -> Any:
    """Read JSON; see `read_bytes` and `parse_json`.

    Raises
    ------
    DocumentError
        It cannot be read, is no JSON, or beyond the limits.
    """
    return parse_json(read_bytes(path, limits.size), limits)


def read_object(path: Path, what: str, advice: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : Path
    what : str
        What it is, for the message: "model description".
    advice : str
        What to do where it is damaged.

    Raises
    ------
    NusegError
        In one line: file, what is wrong, advice.
    """
    try:
        tree = read_json(path)
        if not isinstance(tree, dict):
            raise DocumentError(f"expected a JSON object, found {type(tree).__name__}")
    except DocumentError as error:
        raise NusegError(f"{path}: damaged {what} ({error}): {advice}") from error
    return tree


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read a CSV file in UTF-8 with a heading.

    Returns
    -------
    columns : list of str
        The heading; empty where the file is empty.
    rows : list of list of str
        Each as long as the heading; empty lines are left out.

    Raises
    ------
    DocumentError
        It cannot be read, is no CSV, has a column twice, or a row of another length.
    """
    text = _decode(read_bytes(path, TABLE_SIZE)).removeprefix("\ufeff")
    if "\0" in text:
        raise DocumentError("no CSV: a zero byte")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next(reader, [])
        if len(set(columns)) < len(columns):
            raise DocumentError(f"a column occurs twice in {shown(columns)}")
        rows = []
        for row in reader:
            if row and len(row) != len(columns):
                raise DocumentError(f"line {reader.line_num}: {plural(len(row), 'value')} for {len(columns)} columns")
            if row:
                rows.append(row)
    except csv.Error as error:
        detail = one_line(error).replace("unexpected end of data", "ends within quotation marks")
        raise DocumentError(f"no CSV: line {reader.line_num}: {detail}") from error
    return columns, rows


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"cannot be read: no text in UTF-8 (byte {error.start:,})") from error


def _depth(brackets: bytes) -> int:
    """How deeply brackets are nested."""
    if not brackets:
        return 0
    steps = np.zeros(256, np.int8)
    steps[list(b"[{")], steps[list(b"]}")] = 1, -1
    return int(np.cumsum(steps[np.frombuffer(brackets, np.uint8)], dtype=np.int64).max())


def _parse_slowly(raw: bytes) -> Any:
    """Parse JSON with half characters, as names of files that are no UTF-8 are written, or say what is wrong."""
    try:
        return json.loads(_decode(raw), parse_constant=_refuse, parse_float=_finite)
    except DocumentError:
        raise
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"cannot be read as JSON: {shortened(one_line(error))}") from error


def _refuse(number: str) -> NoReturn:
    raise DocumentError(f"expected finite numbers, found {number}")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(shortened(number))
