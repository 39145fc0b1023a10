"""Outlines drawn on an image."""

import numpy as np
import pytest

from nuseg.plot.outlines import draw_outlines

GREEN = [0, 255, 0]


def lines(labels: np.ndarray, thickness: int = 1) -> np.ndarray:
    """Where a line was drawn on a black image."""
    black = np.zeros((*labels.shape, 3), np.uint8)
    drawn = draw_outlines(black, labels, (255, 255, 255), thickness)
    assert not black.any(), "the image itself was changed"
    return (drawn[..., 0] > 0).astype(int)


def test_line_lies_inside_the_nucleus() -> None:
    labels = np.zeros((7, 7), np.int32)
    labels[1:6, 1:6] = 1
    expected = np.pad(np.ones((5, 5), int), 1)
    expected[2:5, 2:5] = 0
    assert lines(labels).tolist() == expected.tolist()
    expected[2:5, 2:5] = 1
    expected[3, 3] = 0
    assert lines(labels, 2).tolist() == expected.tolist()


def test_touching_nuclei_and_the_image_border() -> None:
    labels = np.repeat([[1, 1, 1, 2, 2, 2]], 3, axis=0)
    assert lines(labels).tolist() == [[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]]


def test_colours() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)
    labels = np.array([[1, 0], [2, 0]], np.int32)
    assert draw_outlines(grey, labels).tolist() == [[GREEN, [100] * 3]] * 2
    own = draw_outlines(grey, labels, None)
    assert own[0, 0].tolist() != own[1, 0].tolist()
    assert own[:, 1].tolist() == [[100] * 3] * 2


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        draw_outlines(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), np.int32))
