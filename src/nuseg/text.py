"""How counts and problems are worded, and how foreign text is made safe to print."""

import re

# Control characters, separators of lines, and halves of characters, as which Python keeps the bytes of a file name
# that are not UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Say how many: "1 image", "2,000 images", and with `nouns` "3 nuclei"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def one_line(problem: object) -> str:
    """Text of an error or a warning in one line that every terminal and file can take."""
    return printable(" ".join(str(problem).split()))


def printable(text: object) -> str:
    r"""Make a text, such as a path, fit for one line of UTF-8: a line break becomes `\n`, a foreign byte `\xff`."""

    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        if 0xDC80 <= code <= 0xDCFF:
            return f"\\x{code - 0xDC00:02x}"
        return found[0].encode("unicode_escape").decode()

    return UNPRINTABLE.sub(escaped, str(text))
