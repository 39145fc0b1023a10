import json

import cv2
import numpy as np
import pytest
import tifffile

from annotated import field, write_source
from nuseg.datasets.dataset import Dataset, load_ignore, load_item, load_points, load_table
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png


@pytest.fixture
def root(tmp_path):
    source = write_source(tmp_path / "source", ["a", "b", "c", "d"])
    prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, split=(0.5, 0.25, 0.25)))
    return tmp_path / "set"


def change(root, **values):
    path = root / "dataset.json"
    record = json.loads(path.read_text())
    record.update(values)
    path.write_text(json.dumps(record))


def change_item(root, **values):
    record = json.loads((root / "dataset.json").read_text())
    record["items"][0].update(values)
    (root / "dataset.json").write_text(json.dumps(record))


def test_load_and_read_items(root):
    dataset = Dataset.load(root)
    assert (dataset.name, dataset.annotation) == ("set", "instance")
    assert [len(dataset.split(split)) for split in ("train", "validation", "test")] == [2, 1, 1]
    for seed, item in enumerate(dataset.items):
        pixels, labels = load_item(item)
        expected_pixels, expected_labels = field(seed)
        assert (pixels.dtype, labels.dtype) == (np.uint8, np.int32)
        np.testing.assert_array_equal(pixels, expected_pixels)
        np.testing.assert_array_equal(labels, expected_labels)
        assert (item.mpp, item.nuclei, item.group) == (0.5, 3, item.name)


def test_labels_of_32_bits(root):
    item = Dataset.load(root).items[0]
    labels = np.full((48, 56), 70000, np.int32)
    tifffile.imwrite(item.label.with_suffix(".tif"), labels)
    change_item(root, label=f"labels/{item.name}.tif")
    np.testing.assert_array_equal(load_item(Dataset.load(root).items[0])[1], labels)


def test_unknown_split_is_a_mistake_of_the_caller(root):
    with pytest.raises(ValueError, match="validation"):
        Dataset.load(root).split("val")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"version": 2}, "update nuseg"),
        ({"version": "1"}, "update nuseg"),
        ({"annotation": "boxes"}, "annotation must be one of instance, binary"),
        ({"items": []}, "no images"),
        ({"items": 5}, "damaged"),
        ({"items": [{}]}, "lacks 'name'"),
    ],
)
def test_damaged_records(root, values, says):
    change(root, **values)
    with pytest.raises(NusegError, match=says) as caught:
        Dataset.load(root)
    assert "dataset.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"split": "val"}, "split of a must be"),
        ({"mpp": 9}, "9 um/px"),
        ({"mpp": "x"}, "damaged"),
        ({"image": "images/zz.png"}, "zz.png missing"),
        ({"table": "nuclei/zz.csv"}, "zz.csv missing"),
        ({"ignore": "ignore/zz.png"}, "zz.png missing"),
        ({"points": "points/zz.csv"}, "zz.csv missing"),
        ({"label": None}, "a has no label"),
        ({"name": "b"}, "b occurs twice"),
    ],
)
def test_damaged_items(root, values, says):
    change_item(root, **values)
    with pytest.raises(NusegError, match=says):
        Dataset.load(root)


def test_no_dataset(tmp_path):
    with pytest.raises(NusegError, match="no such dataset folder"):
        Dataset.load(tmp_path / "none")
    with pytest.raises(NusegError, match=r"no dataset\.json"):
        Dataset.load(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(NusegError, match="cannot be read"):
        Dataset.load(tmp_path)
    (tmp_path / "dataset.json").write_text("[]")
    with pytest.raises(NusegError, match="expected a JSON object"):
        Dataset.load(tmp_path)


def test_items_damaged_after_loading(root):
    first, second, third, _ = Dataset.load(root).items
    first.image.write_bytes(b"")
    with pytest.raises(NusegError, match=r"images/a\.png: an empty file .* make the dataset again"):
        load_item(first)
    write_png(second.label, np.zeros((5, 6), np.uint16))
    with pytest.raises(NusegError, match=r"labels are 6x5 but the image b\.png is 56x48"):
        load_item(second)
    cv2.imwrite(str(third.label), np.zeros((48, 56, 3), np.uint8))
    with pytest.raises(NusegError, match="not a label image"):
        load_item(third)


def write(root, place, text):
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text(text)
    return place


def test_classes_and_ids_of_nuclei(root):
    change(root, classes=["tumour", "stroma"])
    table = write(root, "nuclei/a.csv", 'label,class,id\n1,tumour,x-1\n2,,\n3,"stroma, old",x-3\n')
    change_item(root, table=table)
    dataset = Dataset.load(root)
    found = load_table(dataset.items[0])
    assert dataset.classes == ("tumour", "stroma")
    assert found.labels.tolist() == [1, 2, 3]
    assert found.classes == ("tumour", None, "stroma, old")
    assert found.ids == ("x-1", None, "x-3")


def test_without_a_table_nuclei_have_neither_class_nor_id(root):
    dataset = Dataset.load(root)
    found = load_table(dataset.items[0])
    assert dataset.classes == ()
    assert found.labels.tolist() == [1, 2, 3]
    assert set(found.classes) == set(found.ids) == {None}


def test_what_is_ignored(root):
    mask = np.zeros((48, 56), np.uint8)
    mask[:10] = 255
    write_png(root / "ignore" / "a.png", mask)
    change_item(root, ignore="ignore/a.png")
    first, second, *_ = Dataset.load(root).items
    np.testing.assert_array_equal(load_ignore(first, (48, 56)), mask > 0)
    assert not load_ignore(second, (48, 56)).any()
    with pytest.raises(NusegError, match=r"ignore/a\.png: the mask is 56x48 but the image a\.png is 10x10"):
        load_ignore(first, (10, 10))


def test_points(root):
    points = write(root, "points/a.csv", "x,y,class\n3.5,10.25,lymphocyte\n0,0,\n")
    change_item(root, label=None, points=points, nuclei=2)
    record = json.loads((root / "dataset.json").read_text())
    change(root, annotation="points", items=record["items"][:1])
    (item,) = Dataset.load(root).items
    found = load_points(item)
    np.testing.assert_array_equal(found.xy, [[3.5, 10.25], [0, 0]])
    assert found.classes == ("lymphocyte", None)
    with pytest.raises(NusegError, match=r"a\.png: its nuclei are annotated by points, expected a label image"):
        load_item(item)


def test_points_where_there_are_none(root):
    with pytest.raises(NusegError, match=r"images/a\.png: has no points"):
        load_points(Dataset.load(root).items[0])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "expected the columns label,class,id, found nothing"),
        ("label,name\n1,a\n", "expected the columns label,class,id, found label,name"),
        ("label,class,id\nx,a,b\n", "row 2: expected the number of a nucleus above 0, found 'x'"),
        ("label,class,id\n1,a,b\n0,a,b\n", "row 3: expected the number of a nucleus above 0, found '0'"),
        ("label,class,id\n1,a,b\n1,a,b\n", "the label 1 occurs twice"),
        ("label,class,id\n1\n", "line 2: 1 value for 3 columns"),
    ],
)
def test_damaged_tables(root, content, says):
    change_item(root, table=write(root, "nuclei/a.csv", content))
    item = Dataset.load(root).items[0]
    with pytest.raises(NusegError, match=says) as caught:
        load_table(item)
    assert str(caught.value).startswith(str(item.table))


@pytest.mark.parametrize("place", ["nan,1", "x,1", "1,", "inf,2"])
def test_damaged_points(root, place):
    change_item(root, points=write(root, "points/a.csv", f"x,y,class\n1,1,a\n{place},a\n"))
    with pytest.raises(NusegError, match="row 3: expected a coordinate in px"):
        load_points(Dataset.load(root).items[0])
