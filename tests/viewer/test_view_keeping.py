"""What the viewer keeps in memory."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuseg.viewer.keeping import Kept


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40))), st.integers(1, 60))
def test_values_are_right_and_few(asked: list[tuple[int, int]], limit: int) -> None:
    kept: Kept[bytes] = Kept(limit, len)
    sizes: dict[int, int] = {}
    for key, size in asked:
        own = sizes.setdefault(key, size)
        assert kept.get(key, lambda own=own: bytes(own)) == bytes(own)
        assert kept.total <= max(limit, own)


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept: Kept[str] = Kept(2, len)
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    for key in "abacab":
        kept.get(key, lambda key=key: make(key))
    assert made == ["a", "b", "c", "b"]


def test_many_that_ask_at_once_have_one_value_made() -> None:
    kept: Kept[object] = Kept(1, lambda value: 1)
    together, made = Barrier(8), list[None]()

    def make() -> object:
        made.append(None)
        return object()

    def ask(number: int) -> object:
        together.wait(10)
        return kept.get("key", make)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(set(map(id, found))) == len(made) == 1


def test_an_error_is_told_and_tried_again() -> None:
    kept: Kept[int] = Kept(1, lambda value: 1)

    def fail() -> int:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        kept.get("key", fail)
    assert kept.get("key", lambda: 3) == 3


def test_making_one_value_keeps_nobody_from_another() -> None:
    kept: Kept[int] = Kept(9, lambda value: 1)
    begun, done = Event(), Event()

    def slow() -> int:
        begun.set()
        assert done.wait(10)
        return 1

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kept.get, "slow", slow)
        assert begun.wait(10)
        assert kept.get("quick", lambda: 2) == 2
        done.set()
        assert first.result(10) == 1
    kept.forget("slow")
    assert kept.total == 1
