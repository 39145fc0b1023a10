"""How counts, problems and what files hold are worded, in one line that a terminal shows as it is."""

from reprlib import Repr

SHOWN = 200  # characters of a value that a message shows
LONGEST = 5_000  # characters of a message of another library, paths included
WHOLE_NUMBER = 10**50  # larger ones are not written out


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Say how many: "1 image", "2,000 images", and with `nouns` "3 nuclei"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def printable(text: str, keep: str = "") -> str:
    """Escape all that a terminal would act on or not show: control characters, half characters, marks of direction."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


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
