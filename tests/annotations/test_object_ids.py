"""Ids of nuclei: those of version 5 of RFC 4122, by Python's own."""

from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuseg.annotations.object_ids import added_id, may_be_own, object_id


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.integers(0, 10**9))
def test_ids_are_made_of_name_and_number_as_rfc_4122_says(name: str, number: int) -> None:
    assert object_id(name, number) == str(uuid5(NAMESPACE_URL, f"nuseg:{name}/{number}"))


def test_ids_differ_between_images_and_numbers_and_from_those_that_were_added() -> None:
    made = {object_id(name, number) for name in ("a", "b", "a/1") for number in range(1, 50)}
    assert len(made) == 3 * 49
    assert added_id("a", "1") not in made
    assert all(UUID(one).version == 5 and may_be_own(one) for one in made)


@pytest.mark.parametrize("other", [None, "", "12", "6fa459ea-ee8a-4ca4-894e-db77e160355e"])
def test_other_ids_are_told_apart(other: str | None) -> None:
    assert not may_be_own(other)
