"""Values that programs stumble over."""

from random import Random

WHOLE = (0, 1, 2, 3, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 30000, 10**6, 9 * 10**8, 2**31 - 1, 2**31)
LARGE = (2**32 - 1, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
ESCAPED = "escaped"  # what appears under this name outside of the output folder was written where it must not be
LONG = 200_000
WORDS = (
    "",
    " ",
    "\0",
    "nan",
    "é\u0301\u202e",
    "\x1b]0;title\x07\r\n\x1b[2J",
    "{0.__class__}%s%n",
    "<script>alert(1)</script>",
    f"../{ESCAPED}",
    f"../../{ESCAPED}",
    "/dev/zero",
    "..",
    "x" * 300,
    "x" * LONG,
    "x\n" * 3000,
)


def whole(random: Random, bits: int, old: int = 0) -> int:
    """Choose a whole number of so many bits: a famous one, or one near the old."""
    near = (old + 1, old - 1, old * 2, old * 1000, old // 2, random.getrandbits(bits))
    return random.choice((*WHOLE, *LARGE, *near)) % 2**bits


def number(random: Random) -> str:
    """Choose a number as text."""
    odd = "-1", "-0.0", "1e308", "1e999", "-1e999", "1e-320", "NaN", "Infinity", "9" * 30, "9" * 5000, "0x10", "1_0"
    return random.choice((*odd, *map(str, WHOLE + LARGE)))
