from pathlib import Path

import pytest

from nuseg.datasets.names import Entry, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", "a"), ("a.ome.tif", "a"), ("a.b.tif", "a.b"), ("a.geojson.gz", "a"), ("a", "a"), ("a.gz", "a")],
)
def test_stems(name, expected):
    assert stem(Path(name)) == expected


def test_folders_have_no_suffix(tmp_path):
    (tmp_path / "a.b").mkdir()
    assert stem(tmp_path / "a.b") == "a.b"


def test_an_image_inside_a_file_is_paired_by_its_own_name():
    entry = Entry(Path("x/all.json"), "train/p1.2.png")
    assert (entry.stem, entry.name, str(entry)) == ("p1.2", "train/p1.2.png in all.json", "x/all.json: train/p1.2.png")
    assert Entry(Path("x/a_mask.png")).stem == "a_mask"
