"""Files that begin with a row of whole numbers, little-endian: BMP."""

from random import Random

from fuzz.mutators import blocks, numbers

BYTES = 54


def change(content: bytes, random: Random) -> bytes:
    """Put another whole number of 16 or 32 bits into the header."""
    size = random.choice((2, 4))
    if len(content) < BYTES:
        return blocks.flip(content, random)
    at = random.randrange(0, BYTES - size, 2)
    old = int.from_bytes(content[at : at + size], "little")
    return content[:at] + numbers.whole(random, 8 * size, old).to_bytes(size, "little") + content[at + size :]
