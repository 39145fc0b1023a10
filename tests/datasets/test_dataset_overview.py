"""Which images the picture of a dataset shows, and what it says of them."""

from dataclasses import replace
from pathlib import Path

from annotated import field, write_source
from nuseg.datasets.dataset import Item
from nuseg.datasets.overview import MAX_IMAGES, SPLIT_COLOURS, choose, show, title, write_contact_sheet
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.io.opening import read_image

ITEM = Item("a", Path("a.png"), Path("a.png"), 0.25, "test", "patient 7", 3)


def test_choice_takes_every_split_and_no_more_than_fits() -> None:
    items = [replace(ITEM, name=f"{k:03d}", split="train") for k in range(300)]
    items += [replace(ITEM, name=f"t{k}", split="test") for k in range(2)]
    chosen = choose(items)
    assert MAX_IMAGES - 2 <= len(chosen) <= MAX_IMAGES
    assert [item.split for item in chosen].count("test") == 1
    assert choose(items[:5]) == items[:5]


def test_caption_says_split_count_and_group(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a1", "b1", "c1"])
    dataset = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, group="^(.)")).dataset
    item = replace(dataset.items[0], split="test")
    shown = show(item)
    assert (shown.name, shown.caption, shown.colour) == ("a1", "test, 3 nuclei, group a", SPLIT_COLOURS["test"])
    assert (shown.pixels == field(0)[0]).all()
    assert ((shown.labels > 0) == (field(0)[1] > 0)).all()
    assert show(replace(item, group="a1")).caption == "test, 3 nuclei"
    assert title(dataset, 3).startswith("set: 3 images (")
    assert "instances; shown: 3," in title(dataset, 3)


def test_written_sheet_is_readable(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a", "b", "c"])
    dataset = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5)).dataset
    write_contact_sheet(dataset, tmp_path / "sheet.png")
    pixels = read_image(tmp_path / "sheet.png").pixels
    assert all((pixels == colour).all(axis=2).any() for colour in SPLIT_COLOURS.values())
