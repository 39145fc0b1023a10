"""Text in lines: YAML, CSV, INI, XML."""

import re
from random import Random

from fuzz.mutators import numbers

# After `key:`, `key=` and `key="`.
VALUE = re.compile(r"(?<=[:=] )[^\s#,}\]\"]+|(?<==)[^\s\"<>]+|(?<=\")[^\"\n]+(?=\")|(?<=>)[^<>\n]+(?=<)")
YAML = (
    "!!python/object/apply:os.system [id]",
    "!!bool nonsense",
    "!!binary '*'",
    "!!timestamp 2001-99-99",
    "2001-99-99",
    "2001-01-01T99:99:99Z",
    "!!float .nan",
    ".inf",
    "-.inf",
    "1:99:99",
    "*none",
    "&a [*a, *a]",
    "&a {<<: *a}",
    "{<<: [1, 2]}",
    "? [1]",
    "[" * 2000 + "]" * 2000,
    "{a: " * 2000 + "}" * 2000,
    "|\n  text\n  text",
    "'" + "y" * 100_000 + "'",
    "'\\0'",
    '"\\x1b]0;t\\x07"',
    "0o17",
    "9" * 5000,
)


def value(content: bytes, random: Random) -> bytes:
    """Put something else in the place of a value."""
    return _replaced(content, random.choice((numbers.number(random), random.choice(numbers.WORDS))), random)


def yaml(content: bytes, random: Random) -> bytes:
    """Put one of YAML's own oddities in the place of a value, or a document that doubles nine times at the top."""
    if random.random() < 0.15:
        doubled = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        doubled += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(8)]
        return "\n".join(doubled).encode() + random.choice((b"\nseed: *a8\n", b"\n" + content))
    return _replaced(content, random.choice(YAML), random)


def shuffle(content: bytes, random: Random) -> bytes:
    """Leave out a line, take it often, put it elsewhere, or indent it."""
    rows = content.splitlines(keepends=True)
    if not rows:
        return b"\n"
    row = rows.pop(random.randrange(len(rows)))
    new = random.choice(((), (row, row), (row,) * 5000, (b"\t" + row,), (b"   " + row,)))
    at = random.randint(0, len(rows))
    return b"".join([*rows[:at], *new, *rows[at:]])


def garble(content: bytes, random: Random) -> bytes:
    """Write all in another encoding, with other ends of lines, or with bytes that are no text."""
    text = content.decode("utf-8", "replace")
    at = random.randint(0, len(content))
    odd = random.choice((b"\0", b"\xff\xfe", b"\xed\xa0\x80", b'"', b"'", b"\x1b[2J", b"\t", b"{", b"&", b"]]>"))
    return random.choice(
        (
            text.encode("utf-16"),
            content.replace(b"\n", b"\r"),
            content.replace(b"\n", b""),
            content[:at] + odd + content[at:],
            content[:at] + odd * 1000 + content[at:],
            b"",
        )
    )


def cell(content: bytes, random: Random) -> bytes:
    """Put something else in a cell of a table, or add or leave out a cell."""
    rows = [row.split(b",") for row in content.splitlines()]
    if not rows:
        return b","
    row = random.choice(rows)
    new = random.choice((numbers.number(random), random.choice(numbers.WORDS).replace("\n", " "))).encode()
    at = random.randrange(len(row))
    match random.randrange(4):
        case 0 | 1:
            row[at] = new
        case 2:
            row.insert(at, new)
        case 3:
            del row[at]
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def _replaced(content: bytes, new: str, random: Random) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    found = list(VALUE.finditer(text))
    if not found:
        return content + new.encode()
    old = random.choice(found)
    return (text[: old.start()] + new + text[old.end() :]).encode("utf-8", "surrogateescape")
