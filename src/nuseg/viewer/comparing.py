"""Two layers of one image against each other: which nuclei match, are missed, false, split or merged."""

from typing import Any

import numpy as np
import shapely

from nuseg.evaluation.contingency import Overlaps
from nuseg.types import Floats, Integers
from nuseg.viewer.nuclei import PER_PX, Nuclei
from nuseg.viewer.security import Refused

KINDS = ("matched", "missed", "false", "split", "merged")
MATCHED, MISSED, FALSE, SPLIT, MERGED = range(5)
NOT_COMPARED = -1
MOST = 200_000  # nuclei of a layer in one comparison
MOSTLY = 0.5  # share of a nucleus that lies in another, from which it is a part of that


def compared(a: Nuclei, b: Nuclei, box: tuple[float, float, float, float] | None) -> dict[str, Any]:
    """Compare two layers; `a` is the reference.

    Parameters
    ----------
    a, b : Nuclei
    box : tuple of float, optional
        Left, top, right and bottom (px) of the part in which they are compared; default: everywhere.

    Returns
    -------
    dict
        `kinds`; `a` and `b`: the place in `kinds` of every nucleus, -1 where it was not compared; `counts` by kind.

    Raises
    ------
    Refused
        There are too many nuclei.
    """
    chosen = [everything(nuclei) if box is None else nuclei.in_box(*box) for nuclei in (a, b)]
    most = max(map(len, chosen))
    if most > MOST:
        raise Refused(400, f"{most:,} nuclei are too many to compare at once, at most {MOST:,}: zoom in")
    of_a, of_b = kinds(*(areas(nuclei, some) for nuclei, some in zip((a, b), chosen, strict=True)))
    whole = [np.full(len(nuclei), NOT_COMPARED, np.int8) for nuclei in (a, b)]
    for held, some, found in zip(whole, chosen, (of_a, of_b), strict=True):
        held[some] = found
    counts = {
        "matched": int((of_a == MATCHED).sum()),
        "missed": int((of_a == MISSED).sum()),
        "false": int((of_b == FALSE).sum()),
        "split": int((of_a == SPLIT).sum()),
        "merged": int((of_b == MERGED).sum()),
    }
    return {"kinds": KINDS, "a": whole[0].tolist(), "b": whole[1].tolist(), "counts": counts}


def everything(nuclei: Nuclei) -> Integers:
    """Indices of all nuclei."""
    return np.arange(len(nuclei))


def areas(nuclei: Nuclei, chosen: Integers) -> np.ndarray:
    """Make valid polygons of some nuclei, `(n,)` of objects."""
    outlines = nuclei.outlines(chosen)
    lengths = np.diff(outlines.start)
    made, drawn = np.full(len(chosen), shapely.Polygon(), object), lengths > 2
    owner = np.repeat(np.cumsum(drawn) - 1, np.where(drawn, lengths, 0))
    points = outlines.points[np.repeat(drawn, lengths)] / PER_PX
    made[drawn] = shapely.make_valid(shapely.polygons(shapely.linearrings(points, indices=owner)))
    return made


def kinds(true: np.ndarray, found: np.ndarray) -> tuple[Integers, Integers]:
    """Say what became of each nucleus of a reference, and what each found one is.

    Two nuclei match where intersection over union is above one half, as for AJI's and PQ's matches. A reference nucleus
    without a match is split where two or more found ones lie mostly in it; a found one is merged where two or more
    reference ones lie mostly in it. All parts of such a nucleus are of its kind.

    Parameters
    ----------
    true, found : (n,), (m,) of shapely.Geometry

    Returns
    -------
    of_true, of_found : (n,), (m,) int8
        Places in `KINDS`.
    """
    overlaps = find_overlaps(true, found)
    pairs, matches = overlaps, overlaps.matches
    of_true, of_found = np.full(len(true), MISSED, np.int8), np.full(len(found), FALSE, np.int8)
    of_true[pairs.true_index[matches]] = MATCHED
    of_found[pairs.pred_index[matches]] = MATCHED
    in_true = ~matches & (pairs.intersection > MOSTLY * pairs.pred_areas[pairs.pred_index])
    in_found = ~matches & (pairs.intersection > MOSTLY * pairs.true_areas[pairs.true_index])
    for whole, part, parts, of_whole, of_part, kind in (
        (pairs.true_index, pairs.pred_index, in_true, of_true, of_found, SPLIT),
        (pairs.pred_index, pairs.true_index, in_found, of_found, of_true, MERGED),
    ):
        loose = parts & (of_whole[whole] != MATCHED) & (of_part[part] != MATCHED)
        several = np.bincount(whole[loose], minlength=len(of_whole)) > 1
        taken = loose & several[whole]
        of_whole[whole[taken]] = kind
        of_part[part[taken]] = kind
    return of_true, of_found


def find_overlaps(true: np.ndarray, found: np.ndarray) -> Overlaps:
    """Measure the areas of nuclei and of every pair that overlaps, as `evaluation` counts them in pixels."""
    areas_of: tuple[Floats, Floats] = shapely.area(true), shapely.area(found)
    if len(true) and len(found):
        first, second = shapely.STRtree(found).query(true)
    else:
        first = second = np.zeros(0, np.intp)
    common = shapely.area(shapely.intersection(true[first], found[second]))
    kept = common > 0
    return Overlaps(*areas_of, first[kept], second[kept], common[kept])  # type: ignore[arg-type]
