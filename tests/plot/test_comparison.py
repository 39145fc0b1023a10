"""The picture of true and predicted outlines."""

import numpy as np

from nuseg.plot.comparison import PREDICTED_COLOUR, SIDE, STRIP, TRUE_COLOUR, draw_comparison

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
