"""TIFF and BigTIFF, of either byte order, by their tags."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from fuzz.mutators import blocks, numbers

MOST_DIRECTORIES = 32
SUB_DIRECTORIES = 330
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Width, length, bits, compression, colours, samples, rows per strip, planes, predictor, tiles, extra samples, formats,
# and where strips and tiles are, and how long.
TELLING = (256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 330, 338, 339, 530)
PLACES = (273, 279, 324, 325)


@dataclass(frozen=True)
class Tag:
    """A tag: where it lies, its number, type and count, and where its values lie."""

    at: int
    number: int
    type: int
    count: int
    values: int


@dataclass(frozen=True)
class Layout:
    """How a file is written, its tags, and the places where the offset of a directory is."""

    order: Literal["little", "big"]
    big: bool
    tags: tuple[Tag, ...]
    links: tuple[int, ...]

    @property
    def word(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4


def value(content: bytes, random: Random) -> bytes:
    """Put another number in the place of a value, mostly of a tag that tells sizes and places."""
    found = parse(content)
    if not found.tags:
        return blocks.flip(content, random)
    tag = _choose(found, random)
    size = SIZES.get(tag.type, 1)
    if tag.count == 1 and size < found.word and random.random() < 0.5:  # as wide as there is room
        content = _put(content, found, tag.at + 2, 2, 16 if found.big else 4)
        size = found.word
    at = tag.values + size * random.randrange(max(1, min(tag.count, 4096)))
    return _put(content, found, at, size, numbers.whole(random, 8 * size, _get(content, found, at, size)))


def kind(content: bytes, random: Random) -> bytes:
    """Give a tag another type, or another number."""
    found = parse(content)
    if not found.tags:
        return blocks.flip(content, random)
    tag = _choose(found, random)
    if random.random() < 0.7:
        return _put(content, found, tag.at + 2, 2, random.choice((*SIZES, 0, 19, 65535)))
    return _put(content, found, tag.at, 2, random.choice((*TELLING, 0, 65535)))


def count(content: bytes, random: Random) -> bytes:
    """Claim another count of values."""
    found = parse(content)
    if not found.tags:
        return blocks.flip(content, random)
    tag = _choose(found, random)
    return _put(content, found, tag.at + 4, found.word, numbers.whole(random, 8 * found.word, tag.count))


def loop(content: bytes, random: Random) -> bytes:
    """Let a directory be followed by one before it, by itself, by nothing, or by what is none."""
    found = parse(content)
    if not found.links:
        return blocks.flip(content, random)
    targets = [_get(content, found, link, found.word) for link in found.links]
    other = random.choice((*targets, 0, 1, len(content) - 2, random.randrange(len(content) + 1), 2**32 - 1))
    return _put(content, found, random.choice(found.links), found.word, other)


def places(content: bytes, random: Random) -> bytes:
    """Let all strips or tiles lie at one place, or be of one length."""
    found = parse(content)
    chosen = [tag for tag in found.tags if tag.number in PLACES]
    if not chosen:
        return blocks.flip(content, random)
    tag = random.choice(chosen)
    size = SIZES.get(tag.type, 1)
    new = random.choice(
        (0, 1, len(content) - 1, numbers.whole(random, 8 * size, _get(content, found, tag.values, size)))
    )
    for at in range(tag.values, min(tag.values + size * tag.count, len(content) - size), size):
        content = _put(content, found, at, size, new)
    return content


def parse(content: bytes) -> Layout:
    """Find the tags of all directories; what is no TIFF has none."""
    order: Literal["little", "big"] = "big" if content[:2] == b"MM" else "little"
    big = int.from_bytes(content[2:4], order) == 43
    word, head, length = (8, 8, 20) if big else (4, 2, 12)
    tags: list[Tag] = []
    links = [word if not big else 8]
    if content[:2] not in (b"II", b"MM") or len(content) < 16:
        return Layout(order, big, (), ())

    def read(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], order)

    seen: set[int] = set()
    for link in links:  # grows
        start = read(link, word)
        if start in seen or not 0 < start < len(content) - head or len(seen) >= MOST_DIRECTORIES:
            continue
        seen.add(start)
        entries = min(read(start, head), (len(content) - start - head) // length)
        for at in range(start + head, start + head + entries * length, length):
            number, type_, counted = read(at, 2), read(at + 2, 2), read(at + 4, word)
            inside = at + 4 + word
            values = inside if counted * SIZES.get(type_, 1) <= word else read(inside, word)
            if values + SIZES.get(type_, 1) <= len(content):
                tags.append(Tag(at, number, type_, counted, values))
            if number == SUB_DIRECTORIES:
                links += [values + word * index for index in range(min(counted, MOST_DIRECTORIES))]
        links.append(start + head + entries * length)
    return Layout(order, big, tuple(tags), tuple(link for link in links if link + word <= len(content)))


def _choose(found: Layout, random: Random) -> Tag:
    telling = [tag for tag in found.tags if tag.number in TELLING]
    return random.choice(telling if telling and random.random() < 0.8 else found.tags)


def _get(content: bytes, found: Layout, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], found.order)


def _put(content: bytes, found: Layout, at: int, size: int, number: int) -> bytes:
    return content[:at] + (number % 2 ** (8 * size)).to_bytes(size, found.order) + content[at + size :]
