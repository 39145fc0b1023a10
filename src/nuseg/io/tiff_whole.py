"""Tell a TIFF file that was cut short from a whole one, before a decoder fills the gaps in."""

import struct
from pathlib import Path

from tifffile import TiffFile, TiffPageSeries

from nuseg.errors import NusegError

# Bytes of one value of each TIFF data type; types not named here have one byte or are unknown.
VALUE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def check_whole(tiff: TiffFile, series: TiffPageSeries, path: Path) -> None:
    """Refuse a file of which something is missing.

    Looked at are the chain of pages, the values of their tags, and the pixel data of one picture.

    Parameters
    ----------
    tiff
        The open file.
    series
        The picture that will be decoded.
    path
        The file, for the message.

    Raises
    ------
    NusegError
        If pages, tags or pixels lie beyond the end of the file, or were never written, or lie in another file
        that is missing.
    """
    size = tiff.filehandle.size
    cut_short = f"{path}: cut short, %s missing from the file ({size} bytes); copy or export it again"
    if not structure_lies_within(tiff, size):
        raise NusegError(cut_short % "pages or tags are")
    for page in series.pages:
        if page is None:
            raise NusegError(f"{path}: pages of this OME-TIFF lie in another file that is missing; copy that too")
        blocks = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        end = page.parent.filehandle.size
        missing = sum(count == 0 or offset + count > end for offset, count in blocks)
        if missing or not blocks:
            raise NusegError(cut_short % f"{missing or 'all'} of {len(blocks)} blocks of pixels are")


def structure_lies_within(tiff: TiffFile, size: int) -> bool:
    """Walk the chain of pages, and say whether it and all values of its tags lie within the file's `size` bytes."""
    form, file = tiff.tiff, tiff.filehandle
    field = len(struct.pack(form.offsetformat, 0))
    position, seen = tiff.pages.first.offset, set()
    while position and position not in seen:
        seen.add(position)
        file.seek(position)
        start = file.read(form.tagnosize)
        if len(start) < form.tagnosize:
            return False
        count = struct.unpack(form.tagnoformat, start)[0]
        content = file.read(count * form.tagsize + field)
        if len(content) < count * form.tagsize + field:
            return False
        for index in range(count):
            tag = content[index * form.tagsize : (index + 1) * form.tagsize]
            kind = struct.unpack(form.tagformat1, tag[:4])[1]
            values, offset = struct.unpack(form.byteorder + ("IQ"[field == 8]) * 2, tag[4:])
            length = values * VALUE_BYTES.get(kind, 1)
            if length > field and offset + length > size:
                return False
        position = struct.unpack(form.offsetformat, content[-field:])[0]
    return True
