"""The entries of a journal in their order, and the state that they lead to, with undo and redo."""

from nuseg.annotations.corrections.entries import Change, Entry, Finish, Redo, Undo
from nuseg.annotations.corrections.state import Before, State, new_ids_of


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
        self._done: list[tuple[Change, Before]] = []
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
                change, before = self._done.pop()
                self.state.take_back(before)
                self._undone.append(change)
            case Redo():
                if not self._undone:
                    raise ValueError("there is nothing to redo")
                self._make(self._undone[-1])
                self._undone.pop()
            case _:
                self._make(entry)
                self._undone.clear()
        self.version += 1
        for own in _ids(entry):
            self._last[own[0]] = max(self._last[own[0]], int(own[1:]))

    def _make(self, change: Change) -> None:
        before = self.state.before(change)
        try:
            self.state.apply(change)
        except ValueError:
            self.state.take_back(before)  # it may have been half made
            raise
        self._done.append((change, before))


def _ids(entry: Entry) -> tuple[str, ...]:
    """The ids that an entry gives, of nuclei and regions."""
    match entry:
        case Undo() | Redo():
            return ()
        case Finish():
            return (entry.id,)
        case _:
            return new_ids_of(entry)
