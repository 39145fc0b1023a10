"""The picture of true and predicted outlines."""

import cv2
import numpy as np
import pytest

from nuseg.plot.comparison import (
    IGNORED_COLOUR,
    PREDICTED_COLOUR,
    SIDE,
    STRIP,
    TRUE_COLOUR,
    draw_comparison,
    draw_points,
)

PIXELS = np.full((20, 40, 3), 200, np.uint8)


def has(drawn: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((drawn[STRIP:] == colour).all(axis=2).any())


def test_both_outlines_and_a_caption() -> None:
    true, pred = np.zeros((20, 40), np.uint16), np.zeros((20, 40), np.uint16)
    true[3:10, 3:10] = 1
    pred[5:15, 20:30] = 70
    drawn = draw_comparison(PIXELS, true, pred, "image a")
    assert drawn.shape == (SIDE // 2 + STRIP, SIDE, 3)
    assert has(drawn, TRUE_COLOUR)
    assert has(drawn, PREDICTED_COLOUR)
    assert (drawn[:STRIP] < 128).any(), "the caption is written"


def test_without_nuclei_the_image_alone() -> None:
    empty = np.zeros((20, 40), int)
    assert (draw_comparison(PIXELS, empty, empty, "")[STRIP:] == 200).all()


def test_an_image_larger_than_the_side_keeps_its_size() -> None:
    large = np.full((10, 2 * SIDE, 3), 200, np.uint8)
    empty = np.zeros((10, 2 * SIDE), int)
    assert draw_comparison(large, empty, empty, "").shape == (10 + STRIP, 2 * SIDE, 3)


@pytest.mark.parametrize("side", [40, 2 * SIDE])
def test_both_outlines_show_where_they_coincide(side: int) -> None:
    labels = np.zeros((20, side), int)
    labels[3:17, 3:17] = 1
    drawn = draw_comparison(np.full((20, side, 3), 200, np.uint8), labels, labels, "")
    wide, narrow = ((drawn[STRIP:] == colour).all(axis=2) for colour in (TRUE_COLOUR, PREDICTED_COLOUR))
    assert min(wide.sum(), narrow.sum()) > 30
    beside = cv2.dilate(narrow.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert beside[wide].all()  # one line of two colours, not one here and one there


def middle_of(drawn: np.ndarray, colour: tuple[int, int, int]) -> list[float]:
    """Mean place (x, y) of a colour, px of the enlarged picture."""
    y, x = np.nonzero((drawn[STRIP:] == colour).all(axis=2))
    return [x.mean(), y.mean()]


def test_points_lie_where_they_are() -> None:
    true, pred = np.array([[10.0, 5.0]]), np.array([[30.5, 15.5]])
    drawn = draw_points(PIXELS, true, pred, None, "image a")
    assert drawn.shape == (SIDE // 2 + STRIP, SIDE, 3)
    scale = SIDE / PIXELS.shape[1]
    assert middle_of(drawn, TRUE_COLOUR) == pytest.approx([10 * scale, 5 * scale], abs=2)
    assert middle_of(drawn, PREDICTED_COLOUR) == pytest.approx([30.5 * scale, 15.5 * scale], abs=2)


def test_outlines_are_drawn_in_place_of_predicted_points() -> None:
    outlines = np.zeros((20, 40), int)
    outlines[4:12, 20:30] = 3
    drawn = draw_points(PIXELS, np.zeros((0, 2)), np.array([[25.0, 8.0]]), outlines, "")
    found = (drawn[STRIP:] == PREDICTED_COLOUR).all(axis=2)
    assert found.any()
    assert not found[8 * 40, 25 * 40]  # no cross in the middle


@pytest.mark.parametrize("points", [False, True])
def test_what_is_ignored_is_hatched(points: bool) -> None:
    ignore, empty, nowhere = np.zeros((20, 40), bool), np.zeros((20, 40), int), np.zeros((0, 2))
    for hatched in (False, True):
        ignore[:, 30:] = hatched
        if points:
            drawn = draw_points(PIXELS, nowhere, nowhere, None, "", ignore)
        else:
            drawn = draw_comparison(PIXELS, empty, empty, "", ignore)
        grey = (drawn[STRIP:] == IGNORED_COLOUR).all(axis=2)
        assert not grey[:, : 30 * 40].any()
        assert (0.05 < grey[:, 30 * 40 :].mean() < 0.3) == hatched
