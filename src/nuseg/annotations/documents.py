"""Text files of annotations: JSON and XML, read as data from strangers."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat

import orjson

from nuseg.annotations import json_file
from nuseg.annotations.annotation import Colour
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import in_short, shortened

LARGEST = 1 << 30
"""Bytes of a text file that are read at most."""
HEAD = 8192
_DEEPEST = 200
_PARSED_TO_SNIFF = 1 << 26


def head(path: Path) -> bytes:
    """Give the beginning of a file, nothing where it cannot be read; of UTF-16 as UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(HEAD)
    except OSError:
        return b""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw[: len(raw) // 2 * 2].decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf")


def read_bytes(path: Path, what: str) -> bytes:
    """Read a whole text file.

    Parameters
    ----------
    path : Path
    what : str
        What is expected there: "COCO annotations in JSON".

    Raises
    ------
    NusegError
        Missing, a folder, empty, or larger than `LARGEST`.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise NusegError(
                f"{path}: expected {what} of at most {LARGEST >> 20} MiB, found {size >> 20}; split the file"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror or error}); check the path") from error
    if not raw.strip():
        raise NusegError(f"{path}: expected {what}, found an empty file; export the annotations again")
    return raw


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    NusegError
        As `read_bytes`, or it is no JSON object.
    """
    content = json_file.parse_json(read_bytes(path, what), path, what)
    if not isinstance(content, dict):
        raise NusegError(f"{path}: expected {what}, found a JSON {type(content).__name__}; export them again")
    return content


def json_keys(path: Path) -> frozenset[str] | None:
    """Give the keys of the JSON object in a file; None if it is no JSON, empty if it is none of an object.

    Of a file too large to be parsed for this, the names before a colon near the beginning.
    """
    stat = path.stat()
    return _json_keys(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _json_keys(path: Path, _changed: int, size: int) -> frozenset[str] | None:
    begin = head(path)
    if begin.lstrip()[:1] not in (b"{", b"["):
        return None
    if size > _PARSED_TO_SNIFF:
        return frozenset(name.decode(errors="replace") for name in re.findall(rb'"(\w+)"\s*:', begin))
    try:
        content = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, ValueError):
        return None
    return frozenset(content) if isinstance(content, dict) else frozenset()


def read_xml(path: Path, what: str) -> Element:
    """Read an XML file and give its root.

    A document type, which could define entities that grow without bound or point to other files, is refused.

    Raises
    ------
    NusegError
        As `read_bytes`, or it is no well-formed XML, nested too deeply, or has a document type.
    """
    builder, parser, depth = TreeBuilder(), expat.ParserCreate(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise NusegError(f"{path}: expected {what}, found XML nested more than {_DEEPEST} deep; export them again")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> None:
        raise NusegError(
            f"{path}: has a document type (<!DOCTYPE>), which annotations need not and which is not read; remove it"
        )

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(read_bytes(path, what), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise NusegError(f"{path}: expected {what}, found no XML ({in_short(error)}); export them again") from error
    return builder.close()


def root_tag(path: Path) -> str | None:
    """Name the first element of an XML file; None if it does not look like one."""
    begin = head(path)
    if not begin.lstrip().startswith(b"<"):
        return None
    found = re.search(rb"<([A-Za-z_][\w.\-]*)", begin)
    return found[1].decode() if found else None


def unknown_image(path: Path, image: str, known: Iterable[str]) -> NusegError:
    """Make the error that a file for many images does not name one."""
    return NusegError(f"{path}: has no image {shortened(image)}; it names {shortened(', '.join(known))}")


def hex_colour(text: str | None) -> Colour | None:
    """Read a colour such as #ff8000; None where it is none."""
    try:
        red, green, blue = bytes.fromhex((text or "").removeprefix("#"))
    except ValueError:
        return None
    return red, green, blue


def as_hex(colour: Colour) -> str:
    """Write a colour such as #ff8000."""
    return f"#{bytes(colour).hex()}"


def printable(text: str) -> str:
    """Replace the characters of a name that XML cannot hold."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def write_xml(root: Element, path: Path) -> None:
    """Write an XML file, one line per child of the root, whole or not at all."""
    root.text = "\n"
    for child in root:
        child.tail = "\n"
    with atomic_path(path) as temporary:
        temporary.write_bytes(tostring(root, "utf-8", xml_declaration=True))


def coordinate(value: float) -> str:
    """Write a coordinate to a thousandth of a pixel, as short as it is."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def dump_json(content: object) -> bytes:
    """Write JSON; numbers as short as they are."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def load_text_mapping(text: str) -> dict[str, Any]:
    """Read a JSON object that a file keeps in one of its texts; empty where it is none."""
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
