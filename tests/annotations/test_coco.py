"""COCO: run lengths against pycocotools, classes, crowds, pieces, and what a file may lack."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawings import label_images
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as reference

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.format import SURE
from nuseg.annotations.formats.coco import FORMAT
from nuseg.annotations.polygons import draw
from nuseg.annotations.rle import area_runs, decode_text, encode_text, run_area
from nuseg.errors import NusegError

SQUARE = [0, 0, 4, 0, 4, 4, 0, 4]


def save(path: Path, objects: list[dict[str, Any]], **more: Any) -> Path:
    content = {"images": [{"id": 1, "file_name": "x/a.png", "height": 9, "width": 12}], "annotations": objects}
    path.write_text(json.dumps({**content, "categories": [{"id": 1, "name": "t"}], **more}))
    return path


def read_all(path: Path) -> list[Annotation]:
    return [FORMAT.load(path, image) for image in FORMAT.images(path) or []]


@settings(deadline=None, max_examples=60)
@given(labels=label_images())
def test_runs_are_those_of_pycocotools(labels: np.ndarray) -> None:
    mask = (labels == 1).astype(np.uint8)
    expected = reference.encode(np.asfortranarray(mask))
    counts = decode_text(expected["counts"])
    area = run_area(counts, mask.shape)
    assert np.array_equal(draw([area], mask.shape), mask)
    assert area_runs(area, mask.shape) == counts
    assert encode_text(counts) == expected["counts"].decode()


@settings(deadline=None, max_examples=60)
@given(counts=st.lists(st.integers(0, 1 << 30), max_size=12))
def test_any_runs_come_back_from_their_text(counts: list[int]) -> None:
    assert decode_text(encode_text(counts)) == counts


def test_classes_pieces_crowds_and_boxes(tmp_path: Path) -> None:
    piece = [6, 0, 8, 0, 8, 2, 6, 2]
    objects = [
        {"id": 5, "image_id": 1, "category_id": 1, "segmentation": [SQUARE, piece], "iscrowd": 0},
        {"id": 6, "image_id": 1, "category_id": 8, "segmentation": [SQUARE]},
        {
            "id": 7,
            "image_id": 1,
            "category_id": 1,
            "segmentation": {"size": [9, 12], "counts": [9, 9, 90]},
            "iscrowd": 1,
        },
        {"id": 8, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "segmentation": []},
    ]
    path = save(tmp_path / "a.json", objects)
    assert FORMAT.index(path) == ["x/a.png"]
    found = FORMAT.load(path, "x/a.png")
    assert [nucleus.area for nucleus in found.areas] == [20, 16]
    assert found.classes == ("t", "8")
    assert found.ids == ("5", "6")
    assert [region.area for region in found.vague] == [9]
    assert found.shape == (9, 12)
    assert found.notes == (
        "1 object without an outline: left out",
        "1 crowd region, in which nuclei are not drawn one by one",
    )
    FORMAT.write(found, tmp_path / "b.json")
    again = FORMAT.load(tmp_path / "b.json", "x/a.png")
    assert (again.classes, again.ids, [region.area for region in again.vague]) == (("t", "8"), ("5", "6"), [9])


def test_what_is_written_is_read_by_pycocotools(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    labels = np.zeros((20, 30), np.int32)
    labels[3:9, 4:15] = 1
    labels[5, 6] = 0
    labels[12:18, 4:9] = 2
    path = tmp_path / "a.json"
    FORMAT.write(Annotation(labels, classes=("a", None), ids=("q-1", "7"), canvas=Canvas("a.png")), path)
    coco = COCO(path)
    assert {one["name"] for one in coco.loadCats(coco.getCatIds())} == {"a", "nucleus"}
    for number, one in enumerate(coco.loadAnns(coco.getAnnIds()), start=1):
        assert np.array_equal(coco.annToMask(one), labels == number)
        assert one["area"] == (labels == number).sum()
    found = FORMAT.load(path, "a.png")
    assert (found.classes, found.ids) == (("a", None), ("q-1", "7"))


def test_is_recognised_wherever_its_keys_are(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"info": {"about": "x" * 20_000}, "annotations": [], "images": []}))
    sniff = FORMAT.sniff(path)
    assert sniff is not None
    assert sniff.sure == SURE
    (tmp_path / "b.json").write_text("{}")
    assert FORMAT.sniff(tmp_path / "b.json") is None


@pytest.mark.parametrize(
    ("objects", "more", "says"),
    [
        ([{"id": 1, "image_id": 4, "segmentation": [SQUARE]}], {}, "annotates the image 4"),
        ([{"image_id": 1, "segmentation": {"size": [3, 3], "counts": [9]}}], {}, "a mask of size"),
        ([], {"images": {}}, "with the lists images and annotations"),
        ([], {"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]}, "twice"),
    ],
)
def test_contradictions_are_said(
    objects: list[dict[str, Any]], more: dict[str, Any], says: str, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.json", objects, **more)
    with pytest.raises(NusegError, match=says):
        read_all(path)


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match=r"has no image b\.png; it names x/a\.png"):
        FORMAT.load(save(tmp_path / "a.json", []), "b.png")
