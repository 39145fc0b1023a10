"""What the header of a compressed picture claims: its size, and whether its bytes hold it.

Decoders make room for what a header claims before they look at the rest.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

# Markers of JPEG (second byte): pictures that can be decoded, scan, end.
JPEG_START = b"\xff\xd8"
JPEG_FRAMES, JPEG_SCAN, JPEG_END = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA), 0xDA, 0xD9
JPEG_STANDALONE = (0x01, *range(0xD0, 0xD9))
# Within compressed data, FF 00 is a value, and FF D0 to D7 are restarts.
NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# Bits that a block of 8 x 8 values takes at least, by the kind of JPEG: two codes, one code, arithmetic coding.
LEAST_BITS = {0xC0: 2, 0xC1: 2, 0xC2: 1, 0xC9: 1 / 64, 0xCA: 1 / 64}
# Of applications, but for JFIF (0xE0) and Adobe's (0xEE), which tell the colours; and comments.
JPEG_METADATA = (*range(0xE1, 0xEE), 0xEF, 0xFE)
PNG, PNG_NEEDED = b"\x89PNG\r\n\x1a\n", (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
DEFLATE = 1032  # bytes that one byte can become, at most
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
GREY = 128  # what libjpeg gives for values that are missing
# Values, and restarts for a decoder that waits for one.
MORE_DATA = b"".join(bytes(range(0x51, 0x71)) + bytes([0xFF, restart]) for restart in (*range(0xD0, 0xD8),) * 2)
JPEG_2000_SIZE = b"\xff\x4f\xff\x51"


def markers(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk through a JPEG: each marker's second byte, and where its segment begins and ends.

    A scan's segment ends with its compressed data.
    """
    position = jpeg.find(JPEG_START)
    while 0 <= position < len(jpeg) - 1:
        kind = jpeg[position + 1]
        end = position + 2
        if kind not in JPEG_STANDALONE and kind != JPEG_END:
            end += int.from_bytes(jpeg[end : end + 2], "big")
        if kind == JPEG_SCAN:
            following = NEXT_MARKER.search(jpeg, end)
            end = following.start() if following else len(jpeg)
        yield kind, position, end
        if kind == JPEG_END:
            return
        position = jpeg.find(b"\xff", end)
        while jpeg[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1


def jpeg_claim(jpeg: bytes) -> tuple[int, int, float]:
    """Width and height (px) that a JPEG claims, and how many bytes it takes at least; zeros where it has no header."""
    for kind, start, end in markers(jpeg):
        if kind in JPEG_FRAMES and end - start >= 10:
            height, width = (int.from_bytes(jpeg[start + at : start + at + 2], "big") for at in (5, 7))
            sampling = [divmod(factors, 16) for factors in jpeg[start + 11 : end : 3]]
            across, down = (max((pair[axis] for pair in sampling), default=1) or 1 for axis in (0, 1))
            blocks = -(-width // (8 * across)) * -(-height // (8 * down)) * sum(x * y for x, y in sampling)
            return width, height, blocks * LEAST_BITS[kind] / 8
    return 0, 0, 0.0


def jpeg_end(jpeg: bytes) -> int:
    """Where the compressed data of a JPEG end: at its end marker, or with the file."""
    return next((start for kind, start, _ in markers(jpeg) if kind == JPEG_END), len(jpeg))


def png_least_bytes(png: bytes) -> float:
    """How many bytes a PNG takes at least, by the size that it claims."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    bits = png[24] * PNG_CHANNELS.get(png[25], 1)
    return height * (1 + width * bits / 8) / DEFLATE


def without_metadata(content: bytes) -> bytes:
    """Return a JPEG or PNG with nothing but what its pixels need; others as they are."""
    if content.startswith(JPEG_START):
        return b"".join(content[start:end] for kind, start, end in markers(content) if kind not in JPEG_METADATA)
    if content.startswith(PNG):
        return PNG + b"".join(content[start:end] for kind, start, end in png_chunks(content) if kind in PNG_NEEDED)
    return content


def png_chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk through a PNG: the kind of each chunk, and where it begins and ends."""
    position = len(PNG)
    while position + 8 <= len(png):
        end = position + 12 + int.from_bytes(png[position : position + 4], "big")
        yield png[position + 4 : position + 8], position, end
        position = end


def embedded_size(data: bytes) -> tuple[int, int] | None:
    """Width and height (px) that a JPEG, JPEG 2000, WebP or PNG claims; None where nothing is known."""
    if data.startswith(JPEG_START):
        width, height, _ = jpeg_claim(data)
        return (width, height) if width else None
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[8:12] == b"WEBP":
        return _webp_size(data)
    at = data.find(JPEG_2000_SIZE, 0, 500)  # first, or behind the boxes of a JP2 file
    if at >= 0 and len(data) >= at + 24:
        right, lower, left, upper = (int.from_bytes(data[at + k : at + k + 4], "big") for k in (8, 12, 16, 20))
        return right - left, lower - upper
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    kind, head = data[12:16], data[20:30]
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return bits % 2**14 + 1, (bits >> 14) % 2**14 + 1
    if kind == b"VP8 ":
        return int.from_bytes(head[6:8], "little") % 2**14, int.from_bytes(head[8:10], "little") % 2**14
    return None


def ends_early(jpeg: bytes, pixels: np.ndarray, decode: Callable[[bytes], np.ndarray]) -> bool:
    """Whether a JPEG that was decoded lacks its end, which decoders fill with grey without a word.

    Where the picture ends in grey, more data are put before its end, and it is decoded again: only where some
    are missing does this change pixels.
    """
    if (pixels[-1, -8:] != GREY).any():
        return False
    return not np.array_equal(decode(jpeg[: jpeg_end(jpeg)] + MORE_DATA + b"\xff\xd9"), pixels)
