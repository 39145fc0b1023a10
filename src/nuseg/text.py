"""How counts, problems and what files hold are worded, in one line that a terminal shows as it is."""

import csv
import io
import re
from collections.abc import Sequence
from reprlib import Repr

# What a terminal would act on: control characters, separators of lines, marks of the direction of reading; and halves
# of characters, as which Python keeps the bytes of a file name that are not UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

SHOWN = 200  # characters of a value that a message shows
LONGEST = 5_000  # characters of a message of another library, paths included
WHOLE_NUMBER = 10**50  # larger ones are not written out


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Say how many: "1 image", "2,000 images", and with `nouns` "3 nuclei"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def printable(text: object, keep: str = "") -> str:
    r"""Make a text, such as a path, fit for one line of UTF-8: a line break becomes `\n`, a foreign byte `\xff`.

    The characters in `keep` stay as they are.
    """

    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        if found[0] in keep:
            return found[0]
        if 0xDC80 <= code <= 0xDCFF:
            return f"\\x{code - 0xDC00:02x}"
        return found[0].encode("unicode_escape").decode()

    return UNPRINTABLE.sub(escaped, str(text))


def csv_line(values: Sequence[str]) -> str:
    """Write texts as a line of CSV, without its end: in quotes where these are needed."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


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


def in_short(problem: object, limit: int = SHOWN) -> str:
    """Text of a library's error in one line of at most `limit` characters; its type where it says nothing."""
    return shortened(one_line(problem), limit) or type(problem).__name__
