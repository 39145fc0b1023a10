"""What the entries of a journal make of the nuclei of a result."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nuseg.annotations.corrections.entries import (
    Accept,
    Change,
    Classify,
    Delete,
    Draw,
    Finish,
    Key,
    Merge,
    Point,
    Redraw,
    Reject,
    Split,
    Unfinish,
    Verdict,
)

Outline = tuple[Point, ...]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Changed:
    """What became of a nucleus of the result, where it is still there.

    Attributes
    ----------
    polygon : tuple of (x, y), or None
        Its new outline; None: the old one.
    reclassified : bool
        Whether its class is `name`, which may be None; else it is the old one.
    name : str or None
    verdict : "accepted", "rejected" or None
    """

    polygon: Outline | None = None
    reclassified: bool = False
    name: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Added:
    """A nucleus that the result does not have."""

    polygon: Outline
    name: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Region:
    """A finished region."""

    polygon: Outline
    name: str


@dataclass(frozen=True)
class Before:
    """What a correction is about, as it was before: so that taking it back costs no more than making it.

    Attributes
    ----------
    gone : dict of int to bool
        Whether nuclei of the result were deleted.
    changed, added, finished : dict
        As in `State`; None: not there.
    """

    gone: dict[int, bool]
    changed: dict[int, Changed | None]
    added: dict[str, Added | None]
    finished: dict[str, Region | None]


@dataclass
class State:
    """The result with all corrections.

    Attributes
    ----------
    count : int
        Nuclei of the result.
    deleted : set of int
        Places of those that are gone.
    changed : dict of int to Changed
        By place.
    added : dict of str to Added
    finished : dict of str to Region
    """

    count: int
    deleted: set[int] = field(default_factory=set)
    changed: dict[int, Changed] = field(default_factory=dict)
    added: dict[str, Added] = field(default_factory=dict)
    finished: dict[str, Region] = field(default_factory=dict)

    def copy(self) -> "State":
        """A state of its own with the same content."""
        return State(self.count, set(self.deleted), dict(self.changed), dict(self.added), dict(self.finished))

    def has(self, key: Key) -> bool:
        """Whether there is a nucleus of this key."""
        if isinstance(key, str):
            return key in self.added
        return 0 <= key < self.count and key not in self.deleted

    def given_classes(self) -> list[str]:
        """Classes that nuclei were given, each once."""
        nuclei: list[Changed | Added] = [*self.changed.values(), *self.added.values()]
        return list(dict.fromkeys(one.name for one in nuclei if one.name is not None))

    def counts(self) -> dict[str, int]:
        """How many nuclei were corrected, and how."""
        nuclei: list[Changed | Added] = [*self.changed.values(), *self.added.values()]
        verdicts = [one.verdict for one in nuclei]
        return {
            "deleted": len(self.deleted),
            "added": len(self.added),
            "redrawn": sum(one.polygon is not None for one in self.changed.values()),
            "reclassified": sum(one.reclassified for one in self.changed.values()),
            "accepted": verdicts.count("accepted"),
            "rejected": verdicts.count("rejected"),
        }

    def apply(self, change: Change) -> None:
        """Make a correction.

        Raises
        ------
        ValueError
            It is about a nucleus or a region that is not there, or about one twice.
        """
        self._require(_keys(change))
        match change:
            case Delete(nuclei=keys):
                self._remove(keys)
            case Draw():
                self._add(change.id, Added(change.polygon, change.name))
            case Redraw():
                self._redraw(change.nucleus, change.polygon)
            case Split():
                self._redraw(change.nucleus, change.polygon)
                for part in change.parts:
                    self._add(part.id, Added(part.polygon, change.name))
            case Merge():
                self._redraw(change.nucleus, change.polygon)
                self._remove(change.nuclei)
            case Accept(nuclei=keys):
                self._judge(keys, "accepted")
            case Reject(nuclei=keys):
                self._judge(keys, "rejected")
            case Classify(nuclei=keys):
                self._classify(keys, change.name)
            case Finish():
                if change.id in self.finished:
                    raise ValueError(f"the region {change.id} is finished already")
                self.finished[change.id] = Region(change.polygon, change.name)
            case Unfinish():
                if self.finished.pop(change.region, None) is None:
                    raise ValueError(f"there is no finished region {change.region}")

    def before(self, change: Change) -> Before:
        """Keep what a correction is about, before it is made."""
        keys = (*_keys(change), *new_ids_of(change))
        places = [key for key in keys if isinstance(key, int)]
        regions = [change.id] if isinstance(change, Finish) else []
        regions += [change.region] if isinstance(change, Unfinish) else []
        return Before(
            gone={place: place in self.deleted for place in places},
            changed={place: self.changed.get(place) for place in places},
            added={key: self.added.get(key) for key in keys if isinstance(key, str)},
            finished={own: self.finished.get(own) for own in regions},
        )

    def take_back(self, before: Before) -> None:
        """Make everything again what it was before a correction, the last one that was made."""
        for place, gone in before.gone.items():
            (self.deleted.add if gone else self.deleted.discard)(place)
        _put_back(self.changed, before.changed)
        _put_back(self.added, before.added)
        _put_back(self.finished, before.finished)

    def _require(self, keys: tuple[Key, ...]) -> None:
        missing = next((key for key in keys if not self.has(key)), None)
        if missing is not None:
            raise ValueError(f"there is no nucleus {missing} (deleted, or never there)")
        if len(set(keys)) < len(keys):
            raise ValueError("a nucleus is named twice")

    def _add(self, key: str, nucleus: Added) -> None:
        if key in self.added:
            raise ValueError(f"there is a nucleus {key} already")
        self.added[key] = nucleus

    def _remove(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if isinstance(key, str):
                del self.added[key]
            else:
                self.deleted.add(key)
                self.changed.pop(key, None)

    def _redraw(self, key: Key, polygon: Outline) -> None:
        if isinstance(key, str):
            self.added[key] = replace(self.added[key], polygon=polygon)
        else:
            self.changed[key] = replace(self.changed.get(key, Changed()), polygon=polygon)

    def _judge(self, keys: Iterable[Key], verdict: Verdict) -> None:
        for key in keys:
            if isinstance(key, str):
                self.added[key] = replace(self.added[key], verdict=verdict)
            else:
                self.changed[key] = replace(self.changed.get(key, Changed()), verdict=verdict)

    def _classify(self, keys: Iterable[Key], name: str | None) -> None:
        for key in keys:
            if isinstance(key, str):
                self.added[key] = replace(self.added[key], name=name)
            else:
                self.changed[key] = replace(self.changed.get(key, Changed()), reclassified=True, name=name)


def _keys(change: Change) -> tuple[Key, ...]:
    """The nuclei that a correction is about, which must be there."""
    match change:
        case Delete() | Accept() | Reject() | Classify():
            return change.nuclei
        case Redraw() | Split():
            return (change.nucleus,)
        case Merge():
            return (change.nucleus, *change.nuclei)
        case _:
            return ()


def new_ids_of(change: Change) -> tuple[str, ...]:
    """The ids of nuclei that a correction adds."""
    match change:
        case Draw():
            return (change.id,)
        case Split():
            return tuple(part.id for part in change.parts)
        case _:
            return ()


def _put_back(held: dict[K, V], before: dict[K, V | None]) -> None:
    for key, value in before.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value


def in_order(held: dict[str, V]) -> list[tuple[str, V]]:
    """Give added nuclei or regions in the order in which they came, whatever was taken back since."""
    return sorted(held.items(), key=lambda pair: int(pair[0][1:]))
