"""The contact sheet: pieces of images in a grid."""

from dataclasses import replace

import numpy as np

from annotated import field
from nuseg.plot.contact_sheet import WINDOW, Shown, densest_window, fit, sheet, thumbnail

COLOUR = (160, 44, 110)
SHOWN = Shown("a", "test, 3 nuclei, group patient 7", COLOUR, *field(0))


def test_window_lies_where_nuclei_are() -> None:
    labels = np.zeros((60, 80), np.int32)
    labels[40:50, 60:70] = 1
    rows, columns = densest_window(labels, 12)
    assert (labels[rows, columns] > 0).sum() == 100
    assert (rows.stop - rows.start, columns.stop - columns.start) == (12, 12)
    assert densest_window(labels, 500) == (slice(0, 60), slice(0, 80))


def test_thumbnail_shows_outlines_and_the_colour() -> None:
    tile = thumbnail(SHOWN)
    assert tile.shape[1] == WINDOW
    assert tuple(tile[-1, -1]) == COLOUR
    green = (tile == (0, 255, 0)).all(axis=2)
    assert green.sum() == 3 * 28  # the border pixels of three squares of 8


def test_text_differs_by_name_and_caption() -> None:
    plain = thumbnail(replace(SHOWN, caption="test, 3 nuclei"))
    assert (plain[WINDOW:] != thumbnail(SHOWN)[WINDOW:]).any()
    assert (plain[WINDOW:] != thumbnail(replace(SHOWN, caption="test, 3 nuclei", name="b"))[WINDOW:]).any()


def test_sheet_is_a_grid_without_overlap() -> None:
    tiles = [np.full((20, 10, 3), k, np.uint8) for k in range(8)]
    page = sheet(tiles, "title")
    for k in range(1, 8):
        assert (page == k).all(axis=2).sum() >= 200


def test_fit_keeps_both_ends() -> None:
    assert fit("short", 10, len) == "short"
    assert fit("abcdefghijklmnop", 7, len) == "abc…nop"
