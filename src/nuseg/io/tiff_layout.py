"""Where a TIFF's pictures lie in the file, by its tags alone: told before any decoder sees it, and judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nuseg.errors import NusegError

# Bytes of one value of each TIFF data type; whole numbers are what sizes and places are given in.
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WHOLE_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
WIDTH, LENGTH, BITS, COMPRESSION, SAMPLES, PLANES = 256, 257, 258, 259, 277, 284
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_COUNTS = 273, 278, 279
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SUB_DIRECTORIES, NDPI = 322, 323, 324, 325, 330, 65420
NAMES = {
    WIDTH: "ImageWidth",
    LENGTH: "ImageLength",
    BITS: "BitsPerSample",
    COMPRESSION: "Compression",
    SAMPLES: "SamplesPerPixel",
    PLANES: "PlanarConfiguration",
    STRIP_OFFSETS: "StripOffsets",
    ROWS_PER_STRIP: "RowsPerStrip",
    STRIP_COUNTS: "StripByteCounts",
    TILE_WIDTH: "TileWidth",
    TILE_LENGTH: "TileLength",
    TILE_OFFSETS: "TileOffsets",
    TILE_COUNTS: "TileByteCounts",
    SUB_DIRECTORIES: "SubIFDs",
}
# Maker, software, resolution, names and dates, colour profile and the like; tags from 50000 on are anybody's.
DISPENSABLE = (271, 272, 282, 283, 305, 306, 315, 316, 700, 33432, 33723, 34377, 34665, 34675, 34853)
FIRST_PRIVATE = 50000
MAX_SIDE = 2**31 - 1  # px; OpenSlide counts no further
MAX_SAMPLES = 1000
MAX_DIRECTORIES = 1_000_000
MAX_TILE_BYTES = 300_000_000  # decoded; usual tiles have 200 kB to 3 MB
# Bytes that one stored byte can become, at most, by compression: 64 px of a blank block of JPEG take two bits ...
EXPANDS = {1: 1, 5: 4096, 6: 1100, 7: 1100, 8: 1100, 32946: 1100, 32773: 128}
EXPANDS_ELSE = 100_000
SLACK = 4  # single blocks that are cut short are for the decoder to tell
LARGE_FILE = 2**32

Entries = np.ndarray
"""The tags of a picture: code, type, count, and value or place."""


@dataclass(frozen=True)
class Form:
    """How the numbers of a TIFF are written.

    Attributes
    ----------
    order : str
        Of bytes: "<" or ">".
    large : bool
        BigTIFF, with places of 8 bytes.
    size : int
        Of the file (bytes).
    """

    order: str
    large: bool
    size: int

    @property
    def place(self) -> np.dtype:
        """Type of a place in the file."""
        return np.dtype(f"{self.order}u{8 if self.large else 4}")

    @property
    def entry(self) -> np.dtype:
        """Type of a tag."""
        return np.dtype(
            [("code", f"{self.order}u2"), ("kind", f"{self.order}u2"), ("count", self.place), ("value", self.place)]
        )


class Directory:
    """The tags of one picture; `number` counts from 1 for messages."""

    def __init__(self, file: BinaryIO, form: Form, entries: Entries, number: int, where: str) -> None:
        self._file, self._form, self.number = file, form, number
        self.where = f"{where}: picture {number}" if number > 1 else where
        self._entries = {int(entry["code"]): entry for entry in entries[::-1]}  # of two the first counts

    def has(self, code: int) -> bool:
        """Whether a tag is there."""
        return code in self._entries

    def beyond(self) -> list[int]:
        """Tags beyond the end of the file, of those that do not matter for the pixels.

        Raises
        ------
        NusegError
            One of the others is missing.
        """
        lengths = {code: int(e["count"]) * VALUE_BYTES.get(int(e["kind"]), 1) for code, e in self._entries.items()}
        inline = self._form.place.itemsize
        lost = [
            code
            for code, length in lengths.items()
            if length > inline and int(self._entries[code]["value"]) + length > self._form.size
        ]
        for code in lost:
            if code not in DISPENSABLE and code < FIRST_PRIVATE:
                self.check_place(code, int(self._entries[code]["value"]), lengths[code])
        return lost

    def numbers(self, code: int, default: int | None = None) -> np.ndarray:
        """Read the values of a tag: `(n,)` whole numbers, empty where it is not there and has no default.

        Raises
        ------
        NusegError
            It holds no whole numbers, or lies beyond the file.
        """
        if code not in self._entries:
            return np.array([] if default is None else [default], np.int64)
        entry, form = self._entries[code], self._form
        kind, count = int(entry["kind"]), int(entry["count"])
        if kind not in WHOLE_NUMBERS or count == 0:
            raise NusegError(
                f"{self.where}: damaged, its tag {NAMES[code]} holds no whole numbers (type {kind}, {count} values); "
                "copy or export it again"
            )
        dtype = np.dtype(form.order + WHOLE_NUMBERS[kind])
        length = count * dtype.itemsize
        if length <= form.place.itemsize:
            inline = np.array(int(entry["value"]) % 2 ** (8 * form.place.itemsize), form.place)
            return np.frombuffer(inline.tobytes(), dtype, count).astype(np.uint64).clip(max=2**62).astype(np.int64)
        self.check_place(code, int(entry["value"]), length)
        self._file.seek(int(entry["value"]))
        return np.frombuffer(self._file.read(length), dtype).astype(np.uint64).clip(max=2**62).astype(np.int64)

    def number_of(self, code: int, default: int) -> int:
        """Read the first value of a tag."""
        return int(self.numbers(code, default)[0])

    def check_place(self, code: int, start: int, length: int) -> None:
        """Refuse a value beyond the end of the file."""
        if start + length > self._form.size:
            raise NusegError(
                f"{self.where}: damaged or cut short, the values of its tag {NAMES.get(code, code)} are missing from "
                f"the file ({self._form.size} bytes); copy or export it again"
            )


def check_layout(path: Path) -> tuple[str, ...]:
    """Refuse a TIFF whose tags cannot be true: sizes, blocks and their places, of every picture in it.

    The libraries that decode a TIFF believe its tags: some end the process, or fill the memory, where they lie.

    Returns
    -------
    tuple of str
        A note on tags of the first picture that are damaged, and do not matter for its pixels.

    Raises
    ------
    NusegError
        Names what is wrong; or the file is cut short.
    """
    notes: tuple[str, ...] = ()
    with path.open("rb") as file:
        for directory in directories(file, str(path)):
            if directory.has(WIDTH) or directory.has(LENGTH):
                check_picture(directory)
            lost = directory.beyond()
            if lost and directory.number == 1:
                notes = (f"{path}: its tags {', '.join(map(str, lost))} lie beyond the end of the file: ignored",)
    return notes


def directories(file: BinaryIO, where: str) -> Iterator[Directory]:
    """Walk through the directories of a file, those below others too.

    Raises
    ------
    NusegError
        The chain leaves the file, or leads back to itself.
    """
    form, position = _form(file, where)
    waiting, seen = [position], set[int]()
    while waiting:
        position, chain = waiting.pop(), set[int]()
        while position and (position in chain or position not in seen):
            if position in chain:
                raise NusegError(
                    f"{where}: damaged, its list of pictures leads back to itself; copy or export it again"
                )
            if len(seen) >= MAX_DIRECTORIES:
                raise NusegError(f"{where}: holds more than {MAX_DIRECTORIES:,} pictures; export the one you want")
            chain.add(position)
            seen.add(position)
            entries, position = _entries(file, form, position, where)
            directory = Directory(file, form, entries, len(seen), where)
            yield directory
            waiting += [place for place in directory.numbers(SUB_DIRECTORIES).tolist() if place]


def _form(file: BinaryIO, where: str) -> tuple[Form, int]:
    """How the numbers are written, and the place of the first directory."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(16)
    order, large = "<" if head[:1] == b"I" else ">", 43 in head[2:4]
    form = Form(order, large, size)
    if len(head) < (16 if large else 8):
        raise NusegError(
            f"{where}: damaged or cut short, pages or tags are missing from the file ({size} bytes); copy it again"
        )
    return form, int(np.frombuffer(head, form.place, 1, 8 if large else 4)[0])


def _entries(file: BinaryIO, form: Form, position: int, where: str) -> tuple[Entries, int]:
    """Read a directory: its tags, and the place of the next one."""
    counted = np.dtype(f"{form.order}u{8 if form.large else 2}")
    file.seek(position)
    start = file.read(counted.itemsize)
    count = int(np.frombuffer(start, counted)[0]) if len(start) == counted.itemsize else 1
    length = count * form.entry.itemsize
    content = file.read(length + form.place.itemsize) if length < form.size else b""
    if len(content) < length + form.place.itemsize:
        raise NusegError(
            f"{where}: damaged or cut short, pages or tags are missing from the file ({form.size} bytes); copy "
            "or export it again"
        )
    entries = np.frombuffer(content, form.entry, count)
    following = int(np.frombuffer(content, form.place, 1, length)[0])
    if form.size >= LARGE_FILE and not form.large and (entries["code"] == NDPI).any():
        return _far_entries(file, form, entries, following)
    return entries, following


def _far_entries(file: BinaryIO, form: Form, entries: Entries, following: int) -> tuple[Entries, int]:
    """Read what NDPI files of more than 4 GB append: the upper halves of the next place and of all values."""
    content = file.read(4 + 4 * len(entries)).ljust(4 + 4 * len(entries), b"\0")
    upper = np.frombuffer(content, form.place)
    far = np.zeros(len(entries), Form(form.order, True, form.size).entry)
    for name in ("code", "kind", "count"):
        far[name] = entries[name]
    far["value"] = entries["value"].astype(np.uint64) | upper[1:].astype(np.uint64) << 32
    return far, following | int(upper[0]) << 32


def check_picture(directory: Directory) -> None:
    """Refuse a picture whose sizes and blocks cannot be true; see `check_layout`."""
    width, length = directory.number_of(WIDTH, 0), directory.number_of(LENGTH, 0)
    samples, apart = directory.number_of(SAMPLES, 1), directory.number_of(PLANES, 1) == 2
    bits = directory.numbers(BITS, 1)
    where = directory.where
    if not (1 <= width <= MAX_SIDE and 1 <= length <= MAX_SIDE):
        raise NusegError(
            f"{where}: damaged, claims {width} x {length} px, expected 1 to {MAX_SIDE}; copy or export it again"
        )
    if not 1 <= samples <= MAX_SAMPLES or len(bits) not in (1, samples) or not 1 <= bits.min() <= bits.max() <= 128:
        shown = ", ".join(map(str, bits[:4].tolist()))
        raise NusegError(
            f"{where}: damaged, claims {samples} samples a pixel of {shown} bits, which cannot be; copy or export it "
            "again"
        )
    tiled = directory.has(TILE_OFFSETS) or directory.has(TILE_WIDTH)
    wide = directory.number_of(TILE_WIDTH, 0) if tiled else width
    high = directory.number_of(TILE_LENGTH, 0) if tiled else min(directory.number_of(ROWS_PER_STRIP, length), length)
    row_bytes = -(-wide * int(bits.max()) * (1 if apart else samples) // 8)
    if wide < 1 or high < 1 or (tiled and row_bytes * high > MAX_TILE_BYTES):
        raise NusegError(
            f"{where}: damaged, claims {'tiles' if tiled else 'strips'} of {wide} x {high} px, which cannot be; copy "
            "or export it again"
        )
    blocks = -(-width // wide) * -(-length // high) * (samples if apart else 1)
    check_blocks(directory, tiled, blocks, row_bytes * high)


def check_blocks(directory: Directory, tiled: bool, blocks: int, block_bytes: int) -> None:
    """Refuse fewer blocks than a picture of its size has, or far fewer bytes than it can be stored in.

    Single blocks that are damaged, missing or blank are for the decoder to tell.
    """
    offsets, counts = map(directory.numbers, (TILE_OFFSETS, TILE_COUNTS) if tiled else (STRIP_OFFSETS, STRIP_COUNTS))
    if not len(offsets) and directory.number > 1:
        return  # nothing to decode
    found = min(len(offsets), len(counts)) if len(counts) else len(offsets)
    if found < blocks:
        raise NusegError(
            f"{directory.where}: cut short, blocks of pixels are missing from the file ({found:,} of {blocks:,} "
            "listed); copy or export it again"
        )
    expands = EXPANDS.get(directory.number_of(COMPRESSION, 1), EXPANDS_ELSE)
    stored = counts[counts > 0]
    whole = len(stored) if tiled or len(stored) == 1 else len(stored) // 2  # the last strip of a colour may be lower
    if sum(stored.tolist()) * expands * SLACK < whole * block_bytes:
        raise NusegError(
            f"{directory.where}: damaged or cut short, claims more pixels than its {int(stored.sum()):,} bytes can "
            "hold; copy or export it again"
        )
