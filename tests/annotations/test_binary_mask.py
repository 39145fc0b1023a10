import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.measure import label

from nuseg.annotations.formats.binary_mask import FORMAT, read_mask
from nuseg.errors import NusegError

MASK = np.zeros((20, 24), bool)
MASK[2:8, 3:9] = True
MASK[10:18, 12:20] = True


def save(path, array, mode=None):
    Image.fromarray(array, mode).save(path)
    return path


@pytest.mark.parametrize("high", [1, 2, 128, 255])
def test_any_two_values(tmp_path, high):
    path = save(tmp_path / "m.png", (MASK * high).astype(np.uint8))
    np.testing.assert_array_equal(read_mask(path), MASK)
    assert FORMAT.load(path, "m").labels.max() == 2


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0), (0, 0, 200)])
def test_colours(tmp_path, colour):
    path = save(tmp_path / "m.png", MASK[..., None] * np.array(colour, np.uint8))
    np.testing.assert_array_equal(read_mask(path), MASK)


def test_rgba_with_the_mask_in_colour_or_in_alpha(tmp_path):
    grey = (MASK * 255).astype(np.uint8)
    full, none = np.full_like(grey, 255), np.zeros_like(grey)
    for name, layers in {"c.png": [grey, grey, grey, full], "a.png": [none, none, none, grey]}.items():
        path = save(tmp_path / name, np.dstack(layers))
        np.testing.assert_array_equal(read_mask(path), MASK)


def test_colour_table_is_looked_up(tmp_path):
    picture = Image.fromarray((~MASK).astype(np.uint8), "P")
    picture.putpalette([255, 255, 255, 0, 0, 0])  # index 0 is white: nuclei
    picture.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), MASK)


def test_one_bit_png_bool_npy_and_float_tiff(tmp_path):
    save(tmp_path / "m.png", MASK)
    np.save(tmp_path / "m.npy", MASK)
    tifffile.imwrite(tmp_path / "m.tif", MASK.astype(np.float32))
    for suffix in ("png", "npy", "tif"):
        np.testing.assert_array_equal(read_mask(tmp_path / f"m.{suffix}"), MASK)


def test_jpeg_is_cut_at_half(tmp_path):
    cv2.imwrite(str(tmp_path / "m.jpg"), MASK.astype(np.uint8) * 255, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert len(np.unique(cv2.imread(str(tmp_path / "m.jpg"), 0))) > 2
    np.testing.assert_array_equal(read_mask(tmp_path / "m.jpg"), MASK)


@pytest.mark.parametrize(("value", "expected"), [(0, False), (255, True)])
def test_one_value(tmp_path, value, expected):
    path = save(tmp_path / "m.png", np.full((4, 5), value, np.uint8))
    assert (read_mask(path) == expected).all()


def test_label_image_and_photograph_are_refused(tmp_path):
    labels = label(np.kron(np.eye(12, dtype=int), np.ones((2, 2), int)), connectivity=1)
    save(tmp_path / "labels.png", (labels * 20).astype(np.uint8))
    save(tmp_path / "photo.png", np.random.default_rng(0).integers(0, 255, (30, 30, 3), dtype=np.uint8) // 2 + 60)
    for name in ("labels.png", "photo.png"):
        with pytest.raises(NusegError, match="no binary mask"):
            read_mask(tmp_path / name)


def test_nan_is_refused(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[0.0, np.nan]]))
    with pytest.raises(NusegError, match="NaN"):
        read_mask(tmp_path / "m.npy")
