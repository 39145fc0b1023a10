"""Annotations in JSON, also packed with gzip."""

from pathlib import Path
from typing import Any

import orjson

from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, TooLargeError, gunzip

GZIP = b"\x1f\x8b"
ALWAYS_UNPACKED = 16_000_000  # bytes
MOST_PER_BYTE = 100  # unpacked bytes per packed one; coordinates give less than 30
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_json(path: Path, expected: str) -> Any:
    """Read a JSON file, UTF-8 with or without a byte order mark.

    Parameters
    ----------
    path : Path
    expected : str
        What the file should be, for the message: "GeoJSON, as QuPath exports annotations".

    Raises
    ------
    NusegError
        Cannot be opened or unpacked, or is no JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unopened(path, error) from error
    return parse_json(content, path, expected)


def parse_json(content: bytes, path: Path, expected: str) -> Any:
    """Parse what `read_json` reads.

    Raises
    ------
    NusegError
        Cannot be unpacked, or is no JSON.
    """
    if content.startswith(GZIP):
        content = unpack(content, path)
    if content.startswith(UTF16_MARKS):
        raise NusegError(f"{path}: expected {expected}, in UTF-8, found UTF-16; save it as UTF-8")
    try:
        return orjson.loads(content.removeprefix(UTF8_MARK))
    except (ValueError, RecursionError) as error:
        reason = "not UTF-8" if "UTF-8" in str(error) or "utf-8" in str(error) else str(error)[:100]
        raise NusegError(f"{path}: expected {expected}, found another file ({reason}); export it again") from error


def unpack(packed: bytes, path: Path) -> bytes:
    """Unpack gzip, refusing what would fill the memory.

    Raises
    ------
    NusegError
        It unpacks to far more than annotations do, is damaged, or cut short.
    """
    limit = max(ALWAYS_UNPACKED, MOST_PER_BYTE * len(packed))
    try:
        return gunzip(packed, limit)
    except TooLargeError as error:
        raise NusegError(
            f"{path}: unpacks to more than {limit / 1e6:,.0f} MB, which annotations in so small a file do not; "
            "export it again"
        ) from error
    except DocumentError as error:
        raise _unopened(path, error) from error


def _unopened(path: Path, error: Exception) -> NusegError:
    reason = getattr(error, "strerror", None) or error
    return NusegError(f"{path}: cannot be opened ({reason}); check the path and its permissions")
