"""What is written: page, table and record."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from planted import EVIL, Planted, cut_through, large_and_whole, moved

import nuseg
from nuseg.errors import NusegError
from nuseg.plot.pieces import SIDE, around
from nuseg.quality.finding import View
from nuseg.quality.pictures import CONCERNED, draw_view


def test_page_shows_what_was_found_and_needs_no_other_file(planted: Planted, tmp_path: Path) -> None:
    planted.change_labels(lambda labels: moved(labels, 4, 0), ["f2"])
    planted.change_items(["f2"], name=EVIL, group="f2")
    found = nuseg.check_dataset(planted.root, use_model=False)
    page = found.save(tmp_path / "report").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count("data:image/jpeg") >= 2
    assert "http" not in page
    assert "4.0" in page or "3.9" in page
    assert "unannotated" in page
    assert "needs the model" in page


def test_table_and_record_say_the_same(planted: Planted, tmp_path: Path) -> None:
    planted.change_labels(lambda labels: moved(labels, 0, 5), ["f1", "f6"])
    found = nuseg.check_dataset(planted.root, use_model=False)
    found.save(tmp_path)
    record = json.loads((tmp_path / "findings.json").read_text())
    with (tmp_path / "findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [one["text"] for one in record["findings"]]
    assert [row["images"] for row in rows] == ["f1", "f6"]
    assert json.loads(rows[0]["places"])[0]["image"] == "f1"
    assert record == found.record()
    assert record["left_out"] == ["unannotated"]


def test_clean_page_says_so(planted: Planted, tmp_path: Path) -> None:
    found = nuseg.check_dataset(planted.root, use_model=False, only=["holes"])
    assert "Nothing found" in found.save(tmp_path).read_text(encoding="utf-8")
    assert [check.name for check in found.done] == ["holes"]


def test_dataset_is_not_changed(planted: Planted, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in planted.root.rglob("*") if path.is_file()}
    nuseg.check_dataset(planted.root, use_model=False, only=["specks"]).save(tmp_path / "out")
    assert {path: path.read_bytes() for path in planted.root.rglob("*") if path.is_file()} == before


def test_unreadable_image_is_a_finding_and_the_others_are_checked(planted: Planted, tmp_path: Path) -> None:
    (planted.root / "images" / "f4.png").write_bytes(b"no picture")
    planted.change_labels(lambda labels: moved(labels, 4, 0), ["f2"])
    found = nuseg.check_dataset(planted.root, use_model=False, only=["shift"])
    assert [(one.check, one.images) for one in found.findings] == [("files", ("f4",)), ("shift", ("f2",))]
    assert "f4.png" in found.save(tmp_path).read_text(encoding="utf-8")


def test_binary_annotations_are_not_asked_for_single_nuclei(planted: Planted) -> None:
    record = json.loads((planted.root / "dataset.json").read_text())
    (planted.root / "dataset.json").write_text(json.dumps({**record, "annotation": "binary"}))
    found = nuseg.check_dataset(planted.root, use_model=False)
    assert {check.name for check in found.left_out} == {"cut", "merged", "holes", "unannotated"}


def test_unknown_check() -> None:
    with pytest.raises(NusegError, match="check colour: expected one of"):
        nuseg.check_dataset("x", use_model=False, only=["colour"])


@pytest.mark.parametrize("box", [None, (0, 0, 9, 9), (100, 130, 140, 150), (280, 280, 288, 288)])
def test_picture_holds_the_place(box: tuple[int, int, int, int] | None) -> None:
    top, left, bottom, right = around(box, (288, 288))
    assert 0 <= top < bottom <= 288
    assert 0 <= left < right <= 288
    if box is not None:
        assert top <= box[0]
        assert left <= box[1]
        assert bottom >= box[2]
        assert right >= box[3]
        assert bottom - top == right - left


def test_nuclei_concerned_are_outlined_apart(planted: Planted) -> None:
    sample = planted.sample("f0")
    number = large_and_whole(sample)[0]
    labels = cut_through(sample.labels, number, 0)
    view = View("f0", box=sample.box(number), nuclei=(number, int(labels.max())))
    drawn = draw_view(view, sample.pixels, labels)
    assert max(drawn.shape) == SIDE
    assert (drawn == CONCERNED).all(axis=2).sum() > 50
    plain = draw_view(View("f0", box=sample.box(number), outlined=False), sample.pixels, labels)
    assert not (plain == CONCERNED).all(axis=2).any()


def test_labels_are_drawn_moved() -> None:
    pixels, labels = np.full((150, 150, 3), 200, np.uint8), np.zeros((150, 150), np.int32)
    labels[50:70, 50:70] = 1
    rows = []
    for shift in ((0.0, 0.0), (10.0, 0.0)):
        drawn = draw_view(View("a", box=None, shift=shift), pixels, labels)
        rows.append(np.nonzero((drawn == (0, 255, 0)).all(axis=2))[0].mean() * 150 / SIDE)
    assert rows[1] - rows[0] == pytest.approx(10, abs=0.6)
