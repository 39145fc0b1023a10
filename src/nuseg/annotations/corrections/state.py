"""What the entries of a journal make of the nuclei of a result."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from nuseg.annotations.corrections.entries import (
    Accept,
    Change,
    Classify,
    Delete,
    Draw,
    Entry,
    Finish,
    Key,
    Merge,
    Point,
    Redo,
    Redraw,
    Reject,
    Split,
    Undo,
    Unfinish,
    Verdict,
)

Outline = tuple[Point, ...]


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


class History:
    """The entries of a journal in their order, and the state that they lead to.

    Attributes
    ----------
    version : int
        Number of entries, those that take back others included.
    state : State
    """

    def __init__(self, count: int) -> None:
        self.version = 0
        self.state = State(count)
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._last = {"a": 0, "r": 0}

    @property
    def can_undo(self) -> bool:
        """Whether there is a correction to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a correction was taken back, and nothing else was done since."""
        return bool(self._undone)

    def new_ids(self, letter: str, count: int) -> list[str]:
        """Give ids that no entry ever had: of nuclei ("a"), or of regions ("r")."""
        first = self._last[letter] + 1
        return [f"{letter}{number}" for number in range(first, first + count)]

    def take(self, entry: Entry) -> None:
        """Go one entry further.

        Raises
        ------
        ValueError
            It does not follow: another number, nothing to take back, or no such nucleus. Nothing is changed then.
        """
        if entry.v != self.version + 1:
            raise ValueError(f"entry {entry.v} where {self.version + 1} should be")
        match entry:
            case Undo():
                if not self._done:
                    raise ValueError("there is nothing to undo")
                self._undone.append(self._done.pop())
                self.state = self._replayed()
            case Redo():
                if not self._undone:
                    raise ValueError("there is nothing to redo")
                self.state.apply(self._undone[-1])
                self._done.append(self._undone.pop())
            case _:
                self._apply(entry)
                self._done.append(entry)
                self._undone.clear()
        self.version += 1
        for own in _ids(entry):
            self._last[own[0]] = max(self._last[own[0]], int(own[1:]))

    def _apply(self, change: Change) -> None:
        try:
            self.state.apply(change)
        except ValueError:
            self.state = self._replayed()  # it may have been half made
            raise

    def _replayed(self) -> State:
        state = State(self.state.count)
        for change in self._done:
            state.apply(change)
        return state


def _ids(entry: Entry) -> Iterator[str]:
    """The ids that an entry gives."""
    match entry:
        case Draw() | Finish():
            yield entry.id
        case Split():
            yield from (part.id for part in entry.parts)
