import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.datasets.split import parse_fractions, split_groups
from nuseg.errors import NusegError

SIZES = st.dictionaries(
    st.text("abcdefgh0123", min_size=1, max_size=5),
    st.tuples(st.integers(1, 9), st.integers(0, 500)),
    min_size=3,
    max_size=25,
)


@given(SIZES, st.integers(0, 5))
@settings(deadline=None, max_examples=50)
def test_every_group_is_in_a_split_and_no_split_is_empty(sizes, seed):
    result = split_groups(sizes, (0.7, 0.15, 0.15), seed)
    assert set(result) == set(sizes)
    assert set(result.values()) == {"train", "validation", "test"}


@given(SIZES, st.randoms())
@settings(deadline=None, max_examples=25)
def test_order_does_not_matter(sizes, rng: random.Random):
    shuffled = list(sizes.items())
    rng.shuffle(shuffled)
    assert split_groups(sizes, (0.5, 0.25, 0.25), 1) == split_groups(dict(shuffled), (0.5, 0.25, 0.25), 1)


def test_shares_are_met_and_the_seed_matters():
    sizes = {f"p{k}": (1 + k % 4, 30 + 7 * (k % 9)) for k in range(60)}
    images, nuclei = (sum(size[kind] for size in sizes.values()) for kind in (0, 1))
    results = [split_groups(sizes, (0.7, 0.15, 0.15), seed) for seed in range(4)]
    for result in results:
        for split, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
            members = [sizes[group] for group in sizes if result[group] == split]
            assert sum(size[0] for size in members) / images == pytest.approx(share, abs=0.02)
            assert sum(size[1] for size in members) / nuclei == pytest.approx(share, abs=0.03)
    assert len({tuple(sorted(result.items())) for result in results}) == 4


def test_known_result_on_every_machine():
    result = split_groups({f"p{k}": (2, 50) for k in range(5)}, (0.6, 0.2, 0.2), 0)
    assert result == {"p0": "train", "p1": "validation", "p2": "train", "p3": "test", "p4": "train"}


def test_shares_of_zero_stay_empty():
    assert set(split_groups({"a": (1, 5), "b": (1, 5)}, (0, 0, 1), 0).values()) == {"test"}
    assert set(split_groups({"a": (1, 5), "b": (1, 5)}, (0.5, 0.5, 0), 0).values()) == {"train", "validation"}


def test_too_few_groups():
    with pytest.raises(NusegError, match="train, validation, test need at least 3 groups, found 2"):
        split_groups({"a": (9, 5), "b": (1, 5)}, (0.7, 0.15, 0.15), 0)


def test_fractions():
    assert parse_fractions("0.7, 0.15,0.15") == pytest.approx((0.7, 0.15, 0.15))
    assert parse_fractions("70,15,15") == pytest.approx((0.7, 0.15, 0.15))
    assert parse_fractions("0,0,1") == (0, 0, 1)


@pytest.mark.parametrize("text", ["", "0.7,0.3", "a,b,c", "0.7,0.3,0.3", "-0.1,0.1,1", "nan,0,1", "0,0,0", "1,0,0,0"])
def test_bad_fractions(text):
    with pytest.raises(NusegError, match="split="):
        parse_fractions(text)
