"""Files in files: zip, gzip, and NumPy's arrays."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from fuzz.mutators import blocks, numbers

if TYPE_CHECKING:
    from fuzz.mutators import Mutator

MEBI = 2**20
SHAPE = re.compile(rb"\(([0-9, ]*)\)")
DESCR = re.compile(rb"'descr': '([^']*)'")


def member(content: bytes, random: Random) -> bytes:
    """Change one file in a zip; its checksum is right again."""

    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        name = random.choice(sorted(files))
        damage = blocks.flip, blocks.overwrite, blocks.cut, blocks.digits
        how = array if name.endswith(".npy") else random.choice(damage)
        return files | {name: how(files[name], random)}

    return _rezipped(content, change, random)


def names(content: bytes, random: Random) -> bytes:
    """Give a file in a zip another name, or leave it out, or exchange two."""

    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        one, other = random.choice(sorted(files)), random.choice(sorted(files))
        held = files.pop(one)
        match random.randrange(3):
            case 0:
                files[random.choice((f"../../{numbers.ESCAPED}", "/" + numbers.ESCAPED, "x" * 300, ""))] = held
            case 1 if other in files:
                files[one], files[other] = files[other], held
        return files

    return _rezipped(content, change, random)


def bomb(content: bytes, random: Random) -> bytes:
    """Let a file in a zip be a gibibyte of zeros behind its first bytes, or claim so."""
    size = random.choice((64, 1024)) * MEBI

    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        name = random.choice(sorted(files))
        return files | {name: files[name][:200] + bytes(4 * MEBI)}

    changed = bytearray(_rezipped(content, change, random, zipfile.ZIP_DEFLATED))
    for at in (found.start() for found in re.finditer(b"PK\x01\x02", bytes(changed))):  # sizes in the directory
        if struct.unpack_from("<I", changed, at + 24)[0] > MEBI:
            struct.pack_into("<I", changed, at + 24, size)
    return bytes(changed)


def array(content: bytes, random: Random) -> bytes:
    """Claim another shape or type of a NumPy array, in a header of the same length."""
    found = list(SHAPE.finditer(content, 0, 256)) + list(DESCR.finditer(content, 0, 256))
    if not found:
        return blocks.flip(content, random)
    old = random.choice(found)
    new = (
        random.choice((b"900000000,", b"-1,", b"0,", b"9" * 12 + b",", b"", b"1,1,1,1,1", b"2,30000000000"))
        if old.re is SHAPE
        else random.choice((b"O", b"|O", b"<U9", b"<f8", b"<c16", b"|V9", b"<M8[s]", b">i8", b"|b1", b"|S0"))
    )
    changed = content[: old.start(1)] + new + content[old.end(1) :]
    end = changed.index(b"\n")  # of the header, which is padded with spaces before it
    gap = len(new) - (old.end(1) - old.start(1))
    padded = changed[:end].rstrip(b" ") if gap > 0 else changed[:end]
    return padded + b" " * (len(content) - len(changed) + end - len(padded)) + changed[end:] if gap else changed


def inside(mutators: "Sequence[Mutator]") -> "Callable[[bytes, Random], bytes]":
    """Make a mutator of what is compressed by gzip."""

    def compressed(content: bytes, random: Random) -> bytes:
        try:
            plain = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return blocks.flip(content, random)
        return gzip.compress(random.choice(mutators)(plain, random), mtime=0)

    return compressed


def gzip_bomb(content: bytes, random: Random) -> bytes:
    """Put a gibibyte of spaces behind or before the content, in a megabyte."""
    spaces = blank(32 * MEBI) * random.choice((2, 32))
    return random.choice((content + spaces, spaces + content))


@cache
def blank(count: int) -> bytes:
    """Compress so many spaces by gzip."""
    return gzip.compress(b" " * count, mtime=0)


def _rezipped(
    content: bytes,
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    random: Random,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            files = {name: old.read(name) for name in old.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        files = {}
    if not files:
        return blocks.flip(content, random)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as new:
        for name, held in change(files).items():
            new.writestr(zipfile.ZipInfo(name), held, compression)
    return made.getvalue()
