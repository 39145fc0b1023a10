"""How much is decoded of an annotation that claims to be large."""

from collections.abc import Sequence
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.pixels import check_size

LARGE_BYTES = 40_000_000  # decoded; with the arrays that are made of it, well below 500 MB
MOST_PER_BYTE = 400  # decoded bytes per byte of the file; nuclei take more, a file that is empty or lies takes less


def check_claim(path: Path, size: int, claimed: Sequence[int], shape: tuple[int, int] | None) -> None:
    """Refuse a file that claims far more pixels than its bytes can tell of, before memory is spent on it.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that it would take when decoded.
    claimed : (h, w)
        Size that the file states (px).
    shape : (h, w) or None
        Size of the image, where it is known: an annotation of its size is always read.

    Raises
    ------
    NusegError
    """
    if len(claimed) == 2 and size:
        height, width = claimed
        check_size(width, height, str(path))
        if shape is not None and (height, width) == tuple(shape):
            return
    if size > LARGE_BYTES and size > MOST_PER_BYTE * path.stat().st_size:
        what = " x ".join(f"{side:,}" for side in reversed(tuple(claimed)))
        expected = "" if shape is None else f", the image has {shape[1]:,} x {shape[0]:,}"
        raise NusegError(
            f"{path}: claims {what} px ({size / 1e6:,.0f} MB) in a file of {path.stat().st_size:,} bytes{expected}; "
            "export it again at the size of the image"
        )
