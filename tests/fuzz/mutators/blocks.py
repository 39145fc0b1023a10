"""Any bytes: damage on the way, and numbers written in digits."""

import re
from random import Random

from fuzz.mutators import numbers

DIGITS = re.compile(rb"[0-9]+(?:[.,][0-9]+)?")


def flip(content: bytes, random: Random) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8) if changed else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, random: Random) -> bytes:
    """Overwrite a piece with zeros, ones or noise."""
    start, length = _piece(content, random)
    filling = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
    return content[:start] + filling + content[start + length :]


def cut(content: bytes, random: Random) -> bytes:
    """Keep the beginning, or leave out a piece."""
    start, length = _piece(content, random)
    return content[:start] + random.choice((b"", content[start + length :]))


def repeat(content: bytes, random: Random) -> bytes:
    """Insert a piece once more, or put something behind the end."""
    start, length = _piece(content, random)
    piece = content[start : start + length]
    return random.choice((content[:start] + piece * random.choice((2, 2, 50)), content)) + content[start:]


def swap(content: bytes, random: Random) -> bytes:
    """Exchange two pieces."""
    at = sorted(random.randint(0, len(content)) for _ in range(4))
    return (
        content[: at[0]] + content[at[2] : at[3]] + content[at[1] : at[2]] + content[at[0] : at[1]] + content[at[3] :]
    )


def digits(content: bytes, random: Random) -> bytes:
    """Put another number of the same length in the place of one that is written in digits."""
    found = list(DIGITS.finditer(content))
    if not found:
        return flip(content, random)
    old = random.choice(found)
    length = old.end() - old.start()
    new = random.choice((b"9" * length, b"0" * length, b"-" + b"9" * length, numbers.number(random).encode()))
    return content[: old.start()] + new[:length].ljust(length) + content[old.end() :]


def _piece(content: bytes, random: Random) -> tuple[int, int]:
    """Choose where a piece begins, and its length."""
    start = random.randint(0, len(content))
    return start, min(random.choice((1, 4, 16, 256, 4096)), len(content) - start)
