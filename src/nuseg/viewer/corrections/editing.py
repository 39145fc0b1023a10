"""From what the page asks to the entry of the journal, with all geometry done."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import shapely

from nuseg.annotations.corrections.entries import (
    Accept,
    Classify,
    Delete,
    Draw,
    Entry,
    Finish,
    Key,
    Merge,
    Part,
    Redo,
    Redraw,
    Reject,
    Split,
    Undo,
    Unfinish,
)
from nuseg.annotations.corrections.history import History
from nuseg.annotations.corrections.state import State
from nuseg.annotations.polygons import area
from nuseg.types import Floats
from nuseg.viewer.corrections.geometry import drawn_area, merged, outline_of, split_by_line
from nuseg.viewer.corrections.requests import (
    AskBack,
    AskClass,
    AskDelete,
    AskDraw,
    AskFinish,
    AskMerge,
    AskRedraw,
    AskSplit,
    AskUnfinish,
    Request,
)


class Nuclei(Protocol):
    """The nuclei of a layer, by place.

    Attributes
    ----------
    columns : mapping of str to (n,) float32
        "x" and "y" of centroids (px of level 0), "probability" where it is known, and measures.
    class_names : tuple of str
        Of the result.
    """

    @property
    def columns(self) -> Mapping[str, Floats]: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def outline(self, index: int, /) -> Floats:
        """Outer ring `(k, 2)`, px of level 0."""

    def object_id(self, index: int, /) -> str:
        """Id in QuPath."""

    def class_of(self, index: int, /) -> str | None:
        """Class in the result; None without one."""


def shape_of(key: Key, state: State, nuclei: Nuclei) -> shapely.Geometry:
    """Give the area of a nucleus as it is now.

    Raises
    ------
    ValueError
        There is none of this key.
    """
    if not state.has(key):
        raise ValueError(f"there is no nucleus {key} (deleted, or never there)")
    if isinstance(key, str):
        ring = np.array(state.added[key].polygon)
    else:
        change = state.changed.get(key)
        own = None if change is None else change.polygon
        ring = np.asarray(nuclei.outline(key) if own is None else own, np.float64)
    return area([ring])


def class_of(key: Key, state: State, nuclei: Nuclei) -> str | None:
    """Give the class of a nucleus as it is now."""
    if isinstance(key, str):
        return state.added[key].name
    change = state.changed.get(key)
    if change is not None and change.reclassified:
        return change.name
    return nuclei.class_of(key)


def make_entry(
    request: Request, history: History, nuclei: Nuclei, size: tuple[int, int], mpp: float | None = None
) -> Entry:
    """Make the next entry of a journal.

    Parameters
    ----------
    request : Request
    history : History
    nuclei : Nuclei
        Of the result.
    size : (width, height)
        Of the image (px).
    mpp : float or None
        Resolution (um/px).

    Raises
    ------
    ValueError
        It cannot be done: why, in one line.
    """
    state = history.state
    stamp: dict[str, Any] = {"v": history.version + 1, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    match request:
        case AskDelete(action=action):
            kinds: dict[str, type[Delete | Accept | Reject]] = {"delete": Delete, "accept": Accept, "reject": Reject}
            return kinds[action](**stamp, nuclei=request.nuclei)
        case AskDraw():
            (own,) = history.new_ids("a", 1)
            polygon = outline_of(drawn_area(request.polygon, size))
            return Draw(**stamp, id=own, polygon=polygon, name=request.name)
        case AskRedraw():
            return Redraw(**stamp, nucleus=request.nucleus, polygon=outline_of(drawn_area(request.polygon, size)))
        case AskSplit():
            first, *others = split_by_line(shape_of(request.nucleus, state, nuclei), request.line)
            ids = history.new_ids("a", len(others))
            parts = tuple(Part(id=own, polygon=outline_of(part)) for own, part in zip(ids, others, strict=True))
            name = class_of(request.nucleus, state, nuclei)
            return Split(**stamp, nucleus=request.nucleus, polygon=outline_of(first), parts=parts, name=name)
        case AskMerge():
            areas = {key: shape_of(key, state, nuclei) for key in request.nuclei}
            kept, *others = sorted(request.nuclei, key=lambda key: -areas[key].area)
            polygon = outline_of(merged(list(areas.values()), mpp))
            return Merge(**stamp, nucleus=kept, nuclei=tuple(others), polygon=polygon)
        case AskClass():
            return Classify(**stamp, nuclei=request.nuclei, name=request.name)
        case AskFinish():
            (own,) = history.new_ids("r", 1)
            polygon = outline_of(drawn_area(request.polygon, size))
            return Finish(**stamp, id=own, polygon=polygon, name=request.name or f"Region {own[1:]}")
        case AskUnfinish():
            return Unfinish(**stamp, region=request.region)
        case AskBack(action="undo"):
            return Undo(**stamp)
        case AskBack():
            return Redo(**stamp)
