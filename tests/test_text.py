"""Counts in words."""

import pytest

from nuseg.text import plural


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
