import json

import cv2
import numpy as np
import pytest
import tifffile

from annotated import field, write_source
from nuseg.datasets.dataset import Dataset, load_item
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
