"""How counts, problems and what files hold are worded, in one line that a terminal shows as it is."""

import unicodedata
from reprlib import Repr

SHOWN = 200  # characters of a value that a message shows
LONGEST = 5_000  # characters of a message of another library, paths included
WHOLE_NUMBER = 10**50  # larger ones are not written out


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Say how many: "1 image", "2,000 images", and with `nouns` "3 nuclei"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def printable(text: object, keep: str = "") -> str:
    r"""Escape what a terminal would act on or not show: a line break becomes `\n`, a byte that is no UTF-8 `\xff`.

    Such bytes of file names are half characters in Python. The characters in `keep` stay as they are.
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(character if character in keep else _escaped(character) for character in whole)


def _escaped(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":  # wide and other spaces
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def shortened(text: str, limit: int = SHOWN) -> str:
    """Cut a text to at most `limit` characters that a terminal shows as they are, in one line."""
    whole = printable(" ".join(text[: 2 * limit].split()))
    return whole if len(whole) <= limit and len(text) <= 2 * limit else whole[: limit - 3] + "..."


def one_line(problem: object) -> str:
    """Text of an error or a warning in one line."""
    try:
        text = str(problem)
    except Exception:  # a KeyError of a deeply nested value, a whole number of a million digits
        text = type(problem).__name__
    return shortened(text, LONGEST)


class _Shown(Repr):
    """The `repr` of a value of any size and depth, at little cost."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.limit = limit

    def repr_str(self, x: str, level: int) -> str:
        return repr(x if len(x) <= self.limit else x[: self.limit - 3] + "...")

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if abs(x) < WHOLE_NUMBER else f"a whole number of {x.bit_length():,} bits"


def shown(value: object, limit: int = SHOWN) -> str:
    """Write a value that a file or a user gave as a message shows it: in one line, at most `limit` characters."""
    return shortened(_Shown(limit).repr(value), limit)
