"""JPEG by its segments."""

import struct
from random import Random

from fuzz.mutators import blocks, numbers

SCAN = 0xDA
FRAMES = (0xC0, 0xC1, 0xC2)


def frame(content: bytes, random: Random) -> bytes:
    """Claim another size, number of colours or sampling, and end early in half of the cases."""
    found = [at for at, marker in segments_of(content) if marker in FRAMES]
    if not found:
        return blocks.flip(content, random)
    changed, at = bytearray(content), found[0]
    for _ in range(random.randint(1, 2)):
        match random.randrange(4):
            case 0:
                changed[at + 5 : at + 9] = struct.pack(">HH", 30_000, 30_000)
            case 1:
                place = at + random.choice((5, 7))
                old = int.from_bytes(changed[place : place + 2], "big")
                changed[place : place + 2] = numbers.whole(random, 16, old).to_bytes(2, "big")
            case 2:
                changed[at + random.choice((4, 9))] = random.choice((0, 1, 2, 3, 4, 5, 12, 16, 255))
            case 3:
                changed[at + random.choice((11, 14, 17))] = random.choice((0, 0x11, 0x44, 0x14, 0xFF))
    return bytes(changed[: random.choice((len(changed), len(changed), len(changed) * 2 // 3, at + 30))])


def segments(content: bytes, random: Random) -> bytes:
    """Leave out a segment, take one twice, or change what it holds."""
    found = segments_of(content)
    if not found:
        return blocks.flip(content, random)
    at, _ = random.choice(found)
    end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    piece = content[at:end]
    new = random.choice((b"", piece * 2, piece[:4] + random.randbytes(max(0, len(piece) - 4)), piece * 2000))
    return content[:at] + new + content[end:]


def lengths(content: bytes, random: Random) -> bytes:
    """Lie about the length of a segment."""
    found = segments_of(content)
    if not found:
        return blocks.flip(content, random)
    at, _ = random.choice(found)
    return content[: at + 2] + numbers.whole(random, 16).to_bytes(2, "big") + content[at + 4 :]


def segments_of(content: bytes) -> list[tuple[int, int]]:
    """Place and marker of every segment up to the first scan."""
    found, at = [], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        found.append((at, content[at + 1]))
        if content[at + 1] == SCAN:
            break
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return found
