"""What entries make of nuclei, and taking them back."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.annotations.corrections.entries import ENTRY, Entry
from nuseg.annotations.corrections.history import History
from nuseg.annotations.corrections.state import Added, Changed, State

COUNT = 5
BOX = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0))
OTHER = ((9.0, 0.0), (14.0, 0.0), (14.0, 4.0))


def entry(version: int, action: str, **more: Any) -> Entry:
    return ENTRY.validate_python({"v": version, "action": action, **more})


def history_of(*entries: dict[str, Any]) -> History:
    history = History(COUNT)
    for number, one in enumerate(entries, 1):
        history.take(entry(number, **one))
    return history


def test_each_action() -> None:
    history = history_of(
        {"action": "delete", "nuclei": [0, 1]},
        {"action": "draw", "id": "a1", "polygon": BOX, "class": "stroma"},
        {"action": "redraw", "nucleus": 2, "polygon": OTHER},
        {"action": "split", "nucleus": 3, "polygon": BOX, "parts": [{"id": "a2", "polygon": OTHER}], "class": "tumour"},
        {"action": "merge", "nucleus": 4, "nuclei": ["a2"], "polygon": BOX},
        {"action": "accept", "nuclei": [4, "a1"]},
        {"action": "reject", "nuclei": [2]},
        {"action": "class", "nuclei": [2, "a1"], "class": None},
        {"action": "finish", "id": "r1", "polygon": BOX, "name": "one"},
    )
    state = history.state
    assert state.deleted == {0, 1}
    assert state.added == {"a1": Added(BOX, None, "accepted")}
    assert state.changed == {
        2: Changed(OTHER, True, None, "rejected"),
        3: Changed(BOX),
        4: Changed(BOX, verdict="accepted"),
    }
    assert state.finished["r1"].name == "one"
    assert state.counts() == {
        "deleted": 2,
        "added": 1,
        "redrawn": 3,
        "reclassified": 1,
        "accepted": 2,
        "rejected": 1,
    }


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"action": "delete", "nuclei": [5]}, "no nucleus 5"),
        ({"action": "delete", "nuclei": [0]}, "no nucleus 0"),
        ({"action": "delete", "nuclei": [1, 1]}, "twice"),
        ({"action": "redraw", "nucleus": "a9", "polygon": BOX}, "no nucleus a9"),
        ({"action": "draw", "id": "a1", "polygon": BOX}, "a nucleus a1 already"),
        ({"action": "unfinish", "region": "r7"}, "no finished region r7"),
        ({"action": "redo"}, "nothing to redo"),
    ],
)
def test_what_does_not_follow_changes_nothing(made: dict[str, Any], words: str) -> None:
    history = history_of({"action": "delete", "nuclei": [0]}, {"action": "draw", "id": "a1", "polygon": BOX})
    before = history.state.copy()
    with pytest.raises(ValueError, match=words):
        history.take(entry(3, **made))
    assert (history.version, history.state) == (2, before)


def test_a_gap_in_the_numbers_is_noticed() -> None:
    with pytest.raises(ValueError, match="entry 3 where 1 should be"):
        History(COUNT).take(entry(3, "undo"))


def test_ids_are_never_given_twice() -> None:
    history = history_of({"action": "draw", "id": "a1", "polygon": BOX}, {"action": "undo"})
    assert history.new_ids("a", 2) == ["a2", "a3"]
    assert history.new_ids("r", 1) == ["r1"]


class Reference:
    """Undo and redo by copies of whole states: an implementation of its own."""

    def __init__(self) -> None:
        self.states: list[State] = [State(COUNT)]
        self.place = 0

    def take(self, one: Entry) -> None:
        if one.action == "undo":
            assert self.place > 0
            self.place -= 1
        elif one.action == "redo":
            assert self.place + 1 < len(self.states)
            self.place += 1
        else:
            state = self.states[self.place].copy()
            state.apply(one)
            self.states = [*self.states[: self.place + 1], state]
            self.place += 1


KEY = st.one_of(st.integers(0, COUNT), st.sampled_from(["a1", "a2", "a3"]))
KEYS = st.lists(KEY, min_size=1, max_size=3)
ACTIONS = st.one_of(
    st.builds(lambda keys: {"action": "delete", "nuclei": keys}, KEYS),
    st.builds(lambda key: {"action": "redraw", "nucleus": key, "polygon": OTHER}, KEY),
    st.builds(lambda keys: {"action": "accept", "nuclei": keys}, KEYS),
    st.builds(
        lambda keys, name: {"action": "class", "nuclei": keys, "class": name}, KEYS, st.sampled_from(["x", None])
    ),
    st.builds(lambda a, b: {"action": "merge", "nucleus": a, "nuclei": [b], "polygon": BOX}, KEY, KEY),
    st.sampled_from([{"action": "draw"}, {"action": "split"}, {"action": "finish"}]),
    st.sampled_from(
        [{"action": "undo"}, {"action": "undo"}, {"action": "redo"}, {"action": "unfinish", "region": "r1"}]
    ),
)


def completed(made: dict[str, Any], history: History) -> dict[str, Any]:
    """Give what a server would give to an action: new ids."""
    match made["action"]:
        case "draw":
            return made | {"id": history.new_ids("a", 1)[0], "polygon": BOX}
        case "split":
            return made | {
                "nucleus": 0,
                "polygon": BOX,
                "parts": [{"id": own, "polygon": OTHER} for own in history.new_ids("a", 2)],
            }
        case "finish":
            return made | {"id": history.new_ids("r", 1)[0], "polygon": BOX, "name": "n"}
    return made


@settings(deadline=None)
@given(st.lists(ACTIONS, max_size=25))
def test_any_order_of_actions_replays_to_the_same_state(actions: Sequence[dict[str, Any]]) -> None:
    history, reference, kept = History(COUNT), Reference(), list[bytes]()
    for made in actions:
        one = entry(history.version + 1, **completed(made, history))
        try:
            history.take(one)
        except ValueError:
            continue
        reference.take(one)
        kept.append(one.model_dump_json(by_alias=True).encode())
    assert history.state == reference.states[reference.place]
    assert history.can_undo == (reference.place > 0)
    assert history.can_redo == (reference.place + 1 < len(reference.states))
    again = History(COUNT)
    for line in kept:
        again.take(ENTRY.validate_json(line))
    assert (again.version, again.state) == (len(kept), history.state)
