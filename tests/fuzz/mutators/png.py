"""PNG by its chunks, with checksums that are right."""

import struct
import zlib
from functools import cache
from random import Random

from fuzz.mutators import blocks, numbers

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]
MEBI = 2**20


def header(content: bytes, random: Random) -> bytes:
    """Claim another size, depth, colour type or interlacing."""
    found = parse(content)
    if not found or len(found[0][1]) != 13:
        return blocks.flip(content, random)
    fields = list(struct.unpack(">IIBBBBB", found[0][1]))
    for _ in range(random.randint(1, 2)):
        at = random.choice((0, 0, 1, 1, 2, 3, 6))
        fields[at] = numbers.whole(random, 32 if at < 2 else 8, fields[at]) if at < 2 else random.choice(range(17))
    return build([(b"IHDR", struct.pack(">IIBBBBB", *fields)), *found[1:]])


def lengths(content: bytes, random: Random) -> bytes:
    """Lie about the length of a chunk."""
    found = parse(content)
    if not found:
        return blocks.flip(content, random)
    chosen = random.randrange(len(found))
    before, (name, data), after = build(found[:chosen]), found[chosen], build(found[chosen + 1 :])[len(SIGNATURE) :]
    claimed = struct.pack(">I", numbers.whole(random, 32, len(data)))
    return before + claimed + name + data + struct.pack(">I", zlib.crc32(name + data)) + after


def chunks(content: bytes, random: Random) -> bytes:
    """Leave out a chunk, take one twice, or exchange two."""
    found = parse(content)
    if len(found) < 2:
        return blocks.flip(content, random)
    one, other = random.randrange(len(found)), random.randrange(len(found))
    match random.randrange(3):
        case 0:
            del found[one]
        case 1:
            found.insert(other, found[one])
        case 2:
            found[one], found[other] = found[other], found[one]
    return build(found)


def fields(content: bytes, random: Random) -> bytes:
    """Add a chunk that says something odd, or change the content of one."""
    found = parse(content)
    if not found:
        return blocks.flip(content, random)
    if random.random() < 0.4:
        chosen = random.randrange(len(found))
        found[chosen] = found[chosen][0], blocks.flip(found[chosen][1], random)
        return build(found)
    odd = (
        (b"pHYs", struct.pack(">IIB", numbers.whole(random, 32), numbers.whole(random, 32), random.randrange(3))),
        (b"tRNS", random.randbytes(random.choice((0, 1, 6, 300)))),
        (b"PLTE", random.randbytes(random.choice((0, 1, 3, 768, 9000)))),
        (b"acTL", struct.pack(">II", numbers.whole(random, 32), 0)),
        (b"eXIf", b"MM\0*" + random.randbytes(random.choice((0, 4, 60)))),
        (b"zTXt", b"Comment\0\0" + zeros(64 * MEBI)),
        (b"zTXt", b"Raw profile type exif\0\0" + zeros(64 * MEBI)),
        (b"iCCP", b"name\0\0" + zeros(64 * MEBI)),
        (b"gAMA", struct.pack(">I", numbers.whole(random, 32))),
    )
    found.insert(random.randint(1, len(found)), random.choice(odd))
    return build(found)


def bomb(content: bytes, random: Random) -> bytes:
    """Claim a large grey picture whose pixels are few bytes that never end, or end early."""
    width, height = random.choice(((30_000, 30_000), (900_000_000, 1), (1, 900_000_000), (65_535, 65_535)))
    claimed = struct.pack(">IIBBBBB", width, height, random.choice((1, 8, 16)), 0, 0, 0, random.randrange(2))
    pixels = zeros(random.choice((100, MEBI, 16 * MEBI)))
    return build([(b"IHDR", claimed), (b"IDAT", pixels), (b"IEND", b"")])


@cache
def zeros(count: int) -> bytes:
    """Compress so many zeros."""
    return zlib.compress(bytes(count))


def parse(content: bytes) -> list[Chunk]:
    """Name and data of every chunk, as far as they are whole."""
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + length > len(content):
            break
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def build(found: list[Chunk]) -> bytes:
    """Write chunks as a file."""
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in found
    )
    return SIGNATURE + b"".join(parts)
