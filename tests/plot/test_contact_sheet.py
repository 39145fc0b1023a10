from dataclasses import replace
from pathlib import Path

import numpy as np

from annotated import field, write_source
from nuseg.datasets.dataset import Item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.io.opening import read_image
from nuseg.plot.contact_sheet import (
    MAX_IMAGES,
    SPLIT_COLOURS,
    WINDOW,
    choose,
    densest_window,
    fit,
    sheet,
    thumbnail,
    write_contact_sheet,
)

ITEM = Item("a", Path("a.png"), Path("a.png"), 0.25, "test", "patient 7", 3)


def test_window_lies_where_nuclei_are():
    labels = np.zeros((60, 80), np.int32)
    labels[40:50, 60:70] = 1
    rows, columns = densest_window(labels, 12)
    assert (labels[rows, columns] > 0).sum() == 100
    assert (rows.stop - rows.start, columns.stop - columns.start) == (12, 12)
    assert densest_window(labels, 500) == (slice(0, 60), slice(0, 80))


def test_thumbnail_shows_outlines_and_the_colour_of_the_split():
    pixels, labels = field(0)
    tile = thumbnail(pixels, labels, ITEM)
    assert tile.shape[1] == WINDOW
    assert tuple(tile[-1, -1]) == SPLIT_COLOURS["test"]
    green = (tile == (0, 255, 0)).all(axis=2)
    assert green.sum() == 3 * 28  # the border pixels of three squares of 8


def test_caption_says_the_group_and_differs_by_name():
    pixels, labels = field(0)
    plain = thumbnail(pixels, labels, replace(ITEM, group="a"))
    assert (plain[WINDOW:] != thumbnail(pixels, labels, ITEM)[WINDOW:]).any()
    assert (plain[WINDOW:] != thumbnail(pixels, labels, replace(ITEM, group="a", name="b"))[WINDOW:]).any()


def test_sheet_is_a_grid_without_overlap():
    tiles = [np.full((20, 10, 3), k, np.uint8) for k in range(8)]
    page = sheet(tiles, "title")
    for k in range(1, 8):
        assert (page == k).all(axis=2).sum() >= 200


def test_choice_takes_every_split_and_no_more_than_fits():
    items = [replace(ITEM, name=f"{k:03d}", split="train") for k in range(300)]
    items += [replace(ITEM, name=f"t{k}", split="test") for k in range(2)]
    chosen = choose(items)
    assert MAX_IMAGES - 2 <= len(chosen) <= MAX_IMAGES
    assert [item.split for item in chosen].count("test") == 1
    assert choose(items[:5]) == items[:5]


def test_fit_keeps_both_ends():
    assert fit("short", 10, len) == "short"
    assert fit("abcdefghijklmnop", 7, len) == "abc…nop"


def test_written_sheet_is_readable(tmp_path):
    source = write_source(tmp_path / "source", ["a", "b", "c"])
    dataset = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5)).dataset
    write_contact_sheet(dataset, tmp_path / "sheet.png")
    pixels = read_image(tmp_path / "sheet.png").pixels
    assert all((pixels == colour).all(axis=2).any() for colour in SPLIT_COLOURS.values())
