import numpy as np
import pytest

from nuseg.annotations.formats.mask_folder import read_masks as read
from nuseg.errors import NusegError
from nuseg.io.image import write_png


def write(folder, name, rows, columns, shape=(10, 12)):
    mask = np.zeros(shape, np.uint8)
    mask[rows, columns] = 255
    write_png(folder / name, mask)


def test_one_label_for_every_mask_in_order_of_names(tmp_path):
    write(tmp_path, "b.png", slice(5, 8), slice(0, 4))
    write(tmp_path, "a.png", slice(0, 3), slice(0, 4))
    (tmp_path / "notes.txt").write_text("not a mask")
    labels = read(tmp_path)
    assert labels.dtype == np.int32
    assert (labels[0:3, 0:4] == 1).all()
    assert (labels[5:8, 0:4] == 2).all()
    assert (labels > 0).sum() == 24


def test_the_smaller_of_two_overlapping_stays_whole(tmp_path):
    write(tmp_path, "1small.png", slice(2, 4), slice(2, 4))
    write(tmp_path, "2large.png", slice(0, 8), slice(0, 8))
    labels = read(tmp_path)
    assert (labels == 1).sum() == 4
    assert (labels == 2).sum() == 60


def test_empty_masks_are_left_out(tmp_path):
    write(tmp_path, "1.png", slice(0, 0), slice(0, 0))
    write(tmp_path, "2.png", slice(0, 2), slice(0, 2))
    np.testing.assert_array_equal(np.unique(read(tmp_path)), [0, 1])


def test_two_pieces_stay_one_nucleus(tmp_path):
    write(tmp_path, "1.png", [0, 9], [0, 9])
    assert read(tmp_path)[0, 0] == read(tmp_path)[9, 9] == 1


def test_different_sizes_and_no_masks_are_refused(tmp_path):
    with pytest.raises(NusegError, match="no mask files"):
        read(tmp_path)
    write(tmp_path, "1.png", slice(0, 2), slice(0, 2))
    write(tmp_path, "2.png", slice(0, 2), slice(0, 2), shape=(10, 13))
    with pytest.raises(NusegError, match=r"2\.png: the mask is 13x10 but 1\.png is 12x10"):
        read(tmp_path)
