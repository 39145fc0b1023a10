"""Scores per pixel on hand-counted masks."""

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.evaluation.pixel import pixel_scores

EMPTY = np.zeros((2, 5), bool)


def row(text: str) -> np.ndarray:
    return np.array([[character == "#" for character in text]])


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        ("##..", "##..", (1, 1, 1, 1, 1)),
        ("##..", ".##.", (2 / 4, 1 / 3, 2 / 4, 1 / 2, 1 / 2)),
        ("####", "#...", (2 / 5, 1 / 4, 1 / 4, 1, 1 / 4)),
        ("#...", "####", (2 / 5, 1 / 4, 1 / 4, 1 / 4, 1)),
        ("##..", "..##", (0, 0, 0, 0, 0)),
        ("....", "....", (1, 1, 1, 1, 1)),
        ("....", "#...", (0, 0, 3 / 4, 0, 0)),
        ("#...", "....", (0, 0, 3 / 4, 0, 0)),
    ],
    ids=["perfect", "shifted", "too small", "too large", "apart", "both empty", "true empty", "found nothing"],
)
def test_by_hand(true: str, pred: str, expected: tuple[float, ...]) -> None:
    scores = pixel_scores(row(true), row(pred))
    assert list(scores) == ["dice", "iou", "accuracy", "precision", "recall"]
    assert tuple(scores.values()) == pytest.approx(expected)


def test_label_images_count_as_masks() -> None:
    true = np.array([[0, 3, 9, 9]], np.uint16)
    assert pixel_scores(true, true > 0)["dice"] == 1


def test_many_pixels_do_not_overflow() -> None:
    full = np.ones((400, 400), np.uint8)
    assert pixel_scores(full, full)["dice"] == 1


def test_other_size_is_refused() -> None:
    with pytest.raises(NusegError, match="5x2 but prediction is 2x5"):
        pixel_scores(EMPTY, EMPTY.T)
    with pytest.raises(NusegError, match="expected an array"):
        pixel_scores(EMPTY[None], EMPTY[None])
