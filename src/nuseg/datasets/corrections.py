"""What somebody changed in nuclei that were found: deleted, added, redrawn, given another class."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.datasets.regions import members
from nuseg.text import plural
from nuseg.types import Floats, Integers, Mask

SAME_IOU = 0.99
"""Outlines that overlap so far are the same, but for rounding of their coordinates."""
MATCH_IOU = 0.5
"""Outlines without a common id that overlap further are those of one nucleus."""


@dataclass(frozen=True)
class Corrections:
    """Counts of nuclei.

    Attributes
    ----------
    before : int
        What there was: kept, redrawn and deleted.
    kept, redrawn, deleted, added : int
    reclassified : int
        Of those kept and redrawn: with another class than before, or none.
    """

    before: int = 0
    kept: int = 0
    redrawn: int = 0
    deleted: int = 0
    added: int = 0
    reclassified: int = 0

    def __str__(self) -> str:
        text = (
            f"of {plural(self.before, 'nucleus', 'nuclei')} {self.deleted:,} deleted, {self.added:,} added, "
            f"{self.redrawn:,} redrawn"
        )
        return f"{text}, {self.reclassified:,} with another class" if self.reclassified else text


def total(parts: Iterable[Corrections]) -> Corrections:
    """Add counts."""
    return Corrections(*map(sum, zip(*(astuple(part) for part in parts), strict=True)))


def compare(before: Annotation, after: Annotation, within: Sequence[shapely.Geometry] | None = None) -> Corrections:
    """Compare what was found with what became of it.

    Nuclei are matched by their ids, then those that are left by their outlines: one to one, those that
    overlap most first, and only where intersection over union is above `MATCH_IOU`.

    Parameters
    ----------
    before, after : Annotation
        Polygons or label images of one image.
    within : sequence of shapely.Geometry, optional
        Regions that were corrected: only nuclei that belong to one of them before or after count.

    Returns
    -------
    Corrections
    """
    old, new = np.asarray(before.areas, object), np.asarray(after.areas, object)
    first, second = matches(before, after)
    gone, come = _within(before, within), _within(after, within)
    counted = gone[first] | come[second]
    gone[first], come[second] = False, False
    first, second = first[counted], second[counted]
    redrawn = int((_iou(old[first], new[second]) < SAME_IOU).sum())
    old_names, new_names = before.names, after.names
    matched = zip(first.tolist(), second.tolist(), strict=True)
    return Corrections(
        before=len(first) + int(gone.sum()),
        kept=len(first) - redrawn,
        redrawn=redrawn,
        deleted=int(gone.sum()),
        added=int(come.sum()),
        reclassified=sum(old_names[here] != new_names[there] for here, there in matched),
    )


def _within(annotation: Annotation, regions: Sequence[shapely.Geometry] | None) -> Mask:
    if regions is None:
        return np.ones(annotation.count, bool)
    found = np.zeros(annotation.count, bool)
    for region in regions:
        found |= members(annotation, region)[0]
    return found


def matches(before: Annotation, after: Annotation) -> tuple[Integers, Integers]:
    """Match nuclei as `compare` does: give the places of each pair, before and after."""
    old, new = np.asarray(before.areas, object), np.asarray(after.areas, object)
    places = {own: place for place, own in enumerate(after.identifiers) if own is not None}
    found = {
        place: places.pop(own) for place, own in enumerate(before.identifiers) if own is not None and own in places
    }
    left = np.setdiff1d(np.arange(len(old)), list(found))
    right = np.setdiff1d(np.arange(len(new)), list(found.values()))
    found |= _by_overlap(old, new, left, right)
    return np.array(list(found), np.intp), np.array(list(found.values()), np.intp)


def _by_overlap(old: np.ndarray, new: np.ndarray, left: Integers, right: Integers) -> dict[int, int]:
    """Match nuclei one to one by overlap, those that overlap most first."""
    if not len(left) or not len(right):
        return {}
    of_new, of_old = shapely.STRtree(old[left]).query(new[right], predicate="intersects")
    first, second = left[of_old], right[of_new]
    overlaps = _iou(old[first], new[second])
    found: dict[int, int] = {}
    taken: set[int] = set()
    for pair in np.argsort(-overlaps, kind="stable")[: int((overlaps > MATCH_IOU).sum())]:
        here, there = int(first[pair]), int(second[pair])
        if here not in found and there not in taken:
            found[here] = there
            taken.add(there)
    return found


def _iou(first: np.ndarray, second: np.ndarray) -> Floats:
    """Give intersection over union of areas, one by one."""
    common = shapely.area(shapely.intersection(first, second))
    union = shapely.area(first) + shapely.area(second) - common
    result: Floats = np.divide(common, union, out=np.zeros(len(common)), where=union > 0)
    return result
