"""Run-length encoded masks, as COCO and CVAT write them.

The decoder is nuseg's own, because that of pycocotools, which tests compare it with, trusts its input to be well-formed
and reads past the end of text that is not."""

from collections.abc import Sequence

import numpy as np
import shapely

from nuseg.annotations.polygons import draw
from nuseg.annotations.tracing import pixel_areas

LARGEST_MASK = 1_000_000_000
"""Pixels of a mask that is decoded at most."""


def decode_text(text: str | bytes) -> list[int]:
    """Give the run lengths of COCO's compressed text: 5 bits per character, differences to the run before the last.

    Raises
    ------
    ValueError
        It ends within a number, or has other characters.
    """
    counts: list[int] = []
    value = shift = 0
    for byte in text.encode("ascii") if isinstance(text, str) else text:
        bits = byte - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("a run-length code with characters that it cannot have")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError("a run-length code that is cut short")
    return counts


def encode_text(counts: Sequence[int]) -> str:
    """Write run lengths as COCO's compressed text; `decode_text` gives them again."""
    letters: list[int] = []
    for place, count in enumerate(counts):
        value, more = (count - counts[place - 2] if place > 2 else count), True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            letters.append(bits + 48 + (32 if more else 0))
    return bytes(letters).decode("ascii")


def run_area(counts: Sequence[int], shape: tuple[int, int], by_column: bool = True) -> shapely.Geometry:
    """Make the area of a mask given by its runs, background first, along the columns or the rows.

    Parameters
    ----------
    counts : sequence of int
        Lengths of the runs: together all pixels, or fewer, with the rest background.
    shape : (h, w)
    by_column : bool
        True: one column after the other, as COCO does. False: row after row.

    Raises
    ------
    ValueError
        The runs are negative or longer than the mask, or the mask is too large.
    """
    height, width = shape
    if not (height > 0 and width > 0 and height * width <= LARGEST_MASK):
        raise ValueError(f"a mask of {width}x{height} px")
    runs = np.asarray(counts, np.int64)
    if runs.ndim != 1 or not ((runs >= 0) & (runs <= LARGEST_MASK)).all() or int(runs.sum()) > height * width:
        raise ValueError(f"runs that do not fit a mask of {width}x{height} px")
    stops = np.cumsum(runs)
    begins, ends = (stops - runs)[1::2], stops[1::2]
    begins, ends = begins[ends > begins], ends[ends > begins]
    if not len(begins):
        return shapely.Polygon()
    line = height if by_column else width
    first, last = int(begins[0]) // line, int(ends[-1] - 1) // line
    steps = np.zeros((last - first + 1) * line + 1, np.int8)
    np.add.at(steps, begins - first * line, 1)
    np.add.at(steps, ends - first * line, -1)
    lines = np.cumsum(steps[:-1], dtype=np.int8).reshape(-1, line)
    used = np.flatnonzero(lines.any(axis=0))
    cut = lines[:, used[0] : used[-1] + 1].astype(np.int32)
    mask, corner = (cut.T, (first, used[0])) if by_column else (cut, (used[0], first))
    return shapely.transform(pixel_areas(mask)[0], lambda points: points + corner)


def area_runs(area: shapely.Geometry, shape: tuple[int, int]) -> list[int]:
    """Draw an area on a mask of `shape` and give its runs, column by column, background first."""
    height, width = shape
    left, top, right, bottom = area.bounds if not area.is_empty else (0, 0, 0, 0)
    x, right = (int(np.clip(v, 0, width)) for v in (np.floor(left), np.ceil(right)))
    y, bottom = (int(np.clip(v, 0, height)) for v in (np.floor(top), np.ceil(bottom)))
    mask = draw([shapely.transform(area, lambda points: points - (x, y))], (max(bottom - y, 0), max(right - x, 0)))
    columns, rows = np.nonzero(mask.T)
    places = (columns + x) * height + rows + y
    begins = places[np.diff(places, prepend=-2) > 1]
    ends = places[np.diff(places, append=height * width + 1) > 1] + 1
    changes = np.stack([begins, ends], axis=1).ravel()
    if len(changes) and changes[-1] == height * width:
        changes = changes[:-1]
    runs: list[int] = np.diff(np.concatenate([[0], changes, [height * width]])).tolist()
    return runs
