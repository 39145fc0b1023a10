"""Counts in words; what files hold, in one line."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuseg.text import LONGEST, SHOWN, UNPRINTABLE, one_line, plural, printable, shortened, shown

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=500) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=500), inner),
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((0, "image"), "0 images"),
        ((1, "image"), "1 image"),
        ((1234, "image"), "1,234 images"),
        ((1, "nucleus", "nuclei"), "1 nucleus"),
        ((2, "nucleus", "nuclei"), "2 nuclei"),
    ],
)
def test_one_and_many(words: tuple, text: str) -> None:
    assert plural(*words) == text


def nested(depth: int) -> object:
    inner: object = 0
    for _ in range(depth):
        inner = [inner]
    return inner


def monsters() -> Iterator[object]:
    yield from (10**10_000, -(10**10_000), "a" * 10**6, b"a" * 10**6, nested(100_000), ["\x1b[2J\n"] * 10**5)
    yield from ({"k" * 10**5: "v" * 10**5}, "\udcff", "\u202egnp.exe", float("nan"), {1: {2: {3: {4: {5: 6}}}}})


@pytest.mark.parametrize("value", list(monsters()), ids=lambda value: type(value).__name__)
def test_monsters_are_shown_in_a_short_line(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= SHOWN


@given(ANYTHING)
def test_any_value_is_shown_in_a_short_line(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= SHOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [("40x", "'40x'"), (7, "7"), (None, "None"), ([1, 2], "[1, 2]"), ({"a": 0.5}, "{'a': 0.5}"), ("a\nb", r"'a\nb'")],
)
def test_usual_values_are_shown_whole(value: object, text: str) -> None:
    assert shown(value) == text


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    assert printable("é\x1b[2J\n\u202e\udcff\ud800\u3000") == "é\\x1b[2J\\n\\u202e\\xff\\ud800\u3000"
    assert printable("one\ntwo\x07", keep="\n") == "one\ntwo\\x07"


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_a_text_is_shortened_to_the_limit_and_kept_where_it_fits(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert not UNPRINTABLE.search(short)
    whole = printable(" ".join(text.split()))
    assert short == whole or short.endswith("...")
    if len(text) <= limit and len(whole) <= limit:
        assert short == whole


def test_problems_of_other_libraries_are_one_bounded_line() -> None:
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(KeyError(nested(100_000))) == "KeyError"
    assert len(one_line(ValueError("a" * 10**6))) == LONGEST
