import numpy as np
import pytest
import tifffile
from PIL import Image

from nuseg.annotations.formats.label_image import FORMAT, read_stored
from nuseg.errors import NusegError

STORED = np.array([[0, 0, 7], [3, 3, 7], [0, 9, 9]])
EXPECTED = np.array([[0, 0, 2], [1, 1, 2], [0, 3, 3]], np.int32)


def read(path):
    """Labels 1..N of a file."""
    annotation = FORMAT.load(path, path.stem)
    return annotation.numbered(annotation.shape).labels


def save_png(path, array, mode=None):
    Image.fromarray(array, mode).save(path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.int64])
def test_tiff_of_any_number_type(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", STORED.astype(dtype))
    labels = read(tmp_path / "a.tif")
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, EXPECTED)


def test_npy_and_png_16_bit(tmp_path):
    np.save(tmp_path / "a.npy", STORED)
    save_png(tmp_path / "a.png", (STORED * 1000).astype(np.uint16))
    np.testing.assert_array_equal(read(tmp_path / "a.npy"), EXPECTED)
    np.testing.assert_array_equal(read(tmp_path / "a.png"), EXPECTED)


def test_colour_table_indices_are_the_labels(tmp_path):
    picture = Image.fromarray(STORED.astype(np.uint8), "P")
    picture.putpalette([0, 0, 0] + [250, 10, 10] * 255)  # all nuclei look the same
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_stored(tmp_path / "a.png"), STORED)


def test_equal_channels_and_alpha_count_as_one(tmp_path):
    grey = STORED.astype(np.uint8)
    rgb = np.dstack([grey] * 3)
    save_png(tmp_path / "rgb.png", rgb)
    save_png(tmp_path / "rgba.png", np.dstack([rgb, np.full_like(grey, 255)]))
    for name in ("rgb.png", "rgba.png"):
        np.testing.assert_array_equal(read(tmp_path / name), EXPECTED)


def test_channels_first_and_leading_axes_of_tiff(tmp_path):
    many = np.zeros((1, 3, 6, 7), np.uint8)
    many[:, :, 2:4, 1:5] = 4
    tifffile.imwrite(tmp_path / "a.tif", many, photometric="minisblack")
    labels = read(tmp_path / "a.tif")
    assert labels.shape == (6, 7)
    assert labels.sum() == 8


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([[0.0, 1.5]]), "fractions or NaN"),
        (np.array([[0.0, np.nan]]), "fractions or NaN"),
        (np.array([[0, -2]]), "negative label -2"),
        (np.zeros((2, 3, 4, 5), int), "2-D"),
        (np.zeros((0, 5), int), "2-D"),
        (np.array([["a"]]), "whole numbers"),
    ],
)
def test_refused_arrays(tmp_path, array, says):
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(NusegError, match=says) as caught:
        read(tmp_path / "bad.npy")
    assert "bad.npy" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_colours_are_refused(tmp_path):
    save_png(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (5, 6, 3), dtype=np.uint8))
    with pytest.raises(NusegError, match="colours"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.png", None, "no such"),
        ("zero.png", b"", "0 bytes"),
        ("text.png", b"hello", "cannot be read"),
        ("text.tif", b"hello", "cannot be read"),
        ("text.npy", b"hello", "cannot be read"),
        ("text.txt", b"hello", "unknown annotation format"),
    ],
)
def test_bad_files(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NusegError, match=says):
        read(tmp_path / name)


def test_pickled_arrays_are_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], object), allow_pickle=True)
    with pytest.raises(NusegError, match="cannot be read"):
        read(tmp_path / "a.npy")
