"""A stream of batches cut anew."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.results.batch import regroup
from slide_results import as_batch, cut, label_field

BATCH = as_batch(label_field(60, 90, 10))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 20), max_size=6), st.integers(1, 70))
def test_any_cut_gives_the_same_batches(sizes: list[int], size: int) -> None:
    groups = list(regroup(cut(BATCH, *sizes), size))
    assert len(BATCH) == 54
    assert [len(group) for group in groups] == [size] * (54 // size) + [54 % size] * (54 % size > 0)
    assert [polygon for group in groups for polygon in group.polygons] == BATCH.polygons
    pd.testing.assert_frame_equal(pd.concat([group.table for group in groups], ignore_index=True), BATCH.table)
    assert all(group.table.index[0] == 0 for group in groups)


def test_nothing() -> None:
    assert list(regroup([], 5)) == []
    assert list(regroup(cut(as_batch(label_field(5, 5)), 0, 0), 5)) == []
