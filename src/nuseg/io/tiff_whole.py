"""Tell a TIFF file that was cut short from a whole one, before a decoder fills the gaps in."""

from pathlib import Path

from tifffile import TiffFile, TiffPageSeries

from nuseg.errors import NusegError


def check_whole(tiff: TiffFile, series: TiffPageSeries, path: Path) -> None:
    """Refuse a file in which pixels of one picture are missing; `nuseg.io.tiff_layout` looks at the rest.

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
        If pixels lie beyond the end of the file, or were never written, or lie in another file
        that is missing.
    """
    size = tiff.filehandle.size
    cut_short = f"{path}: cut short, %s missing from the file ({size} bytes); copy or export it again"
    for page in series.pages:
        if page is None:
            raise NusegError(f"{path}: pages of this OME-TIFF lie in another file that is missing; copy that too")
        blocks = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        end = page.parent.filehandle.size
        missing = sum(count == 0 or offset + count > end for offset, count in blocks)
        if missing or not blocks:
            raise NusegError(cut_short % f"{missing or 'all'} of {len(blocks)} blocks of pixels are")
