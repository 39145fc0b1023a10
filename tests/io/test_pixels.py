"""Pixels of every kind come out as RGB uint8 by the stated rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from image_files import colours

from nuseg.errors import NusegError
from nuseg.io.pixels import Depth, check_size, measure_depth, orient, to_rgb_uint8

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))


def grey(*values: object, dtype: object = None) -> np.ndarray:
    return np.array([values], dtype=dtype)


def first_channel(array: np.ndarray) -> list[int]:
    result = to_rgb_uint8(array)
    assert (result == result[..., :1]).all()
    return result[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (grey(False, True), [0, 255]),
        (grey(0, 7, 255, dtype=np.uint8), [0, 7, 255]),
        (grey(0, 7, 255, dtype=np.uint16), [0, 7, 255]),
        (grey(0, 7, 255, dtype=np.int64), [0, 7, 255]),
        (grey(0, 1023, dtype=np.uint16), [0, 255]),
        (grey(0, 2048, 4095, dtype=np.uint16), [0, 128, 255]),
        (grey(0, 16383, dtype=np.uint16), [0, 255]),
        (grey(0, 257, 65535, dtype=np.uint16), [0, 1, 255]),
        (grey(0.0, 0.5, 1.0), [0, 128, 255]),
        (grey(0.0, 0.5, 1.0, dtype=np.float16), [0, 128, 255]),
        (grey(-0.005, 1.008), [0, 255]),
        (grey(0.4, 100.6, 255.0), [0, 101, 255]),
    ],
)
def test_value_rules(array: np.ndarray, expected: list[int]) -> None:
    assert first_channel(array) == expected


def test_rgb_uint8_is_kept() -> None:
    pixels = colours()
    assert to_rgb_uint8(pixels) is pixels


@pytest.mark.parametrize("factor", [1, 257])
def test_8_bit_data_in_16_bits(factor: int) -> None:
    pixels = colours()
    np.testing.assert_array_equal(to_rgb_uint8(pixels.astype(np.uint16) * factor), pixels)


def test_alpha_is_laid_over_white() -> None:
    # Transparent black is glass, half transparent black is middle grey, opaque black is black.
    rgba = np.array([[[0, 0, 0, 0], [0, 0, 0, 128], [0, 0, 0, 255]]], dtype=np.uint8)
    assert to_rgb_uint8(rgba)[0].tolist() == [[255] * 3, [127] * 3, [0] * 3]
    assert to_rgb_uint8(rgba[..., 2:])[0].tolist() == [[255] * 3, [127] * 3, [0] * 3]


def test_premultiplied_alpha() -> None:
    rgba = np.array([[[50, 0, 0, 128]]], dtype=np.uint8)
    assert to_rgb_uint8(rgba, premultiplied=True)[0, 0].tolist() == [177, 127, 127]


def test_alpha_has_a_depth_of_its_own() -> None:
    rgba = np.array([[[4095, 0, 0, 65535], [0, 0, 0, 0]]], dtype=np.uint16)
    assert to_rgb_uint8(rgba)[0].tolist() == [[255, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (grey(0.5, np.nan), "NaN or infinite"),
        (grey(0.5, np.inf), "NaN or infinite"),
        (grey(0.5, -1.0), "from -1 to 0.5"),
        (grey(0.5, 300.0), "from 0.5 to 300"),
        (grey(-1, 5), "from -1 to 5"),
        (grey(0, 70000), "from 0 to 70000"),
        (grey(1j), "complex128"),
        (np.zeros((3, 10, 10), np.uint8), "3 x 10 x 10"),
        (np.zeros(10, np.uint8), "shape 10"),
        (np.zeros((0, 10, 3), np.uint8), "10 x 0 pixels"),
    ],
)
def test_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(NusegError, match=message):
        to_rgb_uint8(array, where="scan.tif")


PARTS = st.lists(hnp.arrays(np.uint16, (2, 3, 4)), min_size=1, max_size=4)


@settings(deadline=None, max_examples=50)
@given(PARTS)
def test_depth_of_parts_is_that_of_the_whole(parts: list[np.ndarray]) -> None:
    depth = measure_depth(parts)
    whole = to_rgb_uint8(np.concatenate(parts))
    assert np.array_equal(np.concatenate([to_rgb_uint8(part, depth=depth) for part in parts]), whole)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", range(3))
def test_depth_of_parts_of_which_one_has_no_numbers(bad: float, place: int) -> None:
    parts = [np.full((2, 2, 3), 0.5, np.float32) for _ in range(3)]
    parts[place][1, 1, 1] = bad
    with pytest.raises(NusegError, match=r"scan\.tif: NaN or infinite"):
        measure_depth(parts, "scan.tif")


def test_depth_of_nothing() -> None:
    assert measure_depth([]) == Depth(255.0, 255.0)


def test_size_limit_names_size_and_limit() -> None:
    check_size(40_000, 25_000, "scan.tif")
    with pytest.raises(NusegError, match=r"scan\.tif: 40001 x 25000 .* limit of 1,000 megapixels"):
        check_size(40_001, 25_000, "scan.tif")


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(st.sampled_from([np.uint8, np.uint16, np.bool_]), SHAPES))
def test_shape_and_type_always_come_out(array: np.ndarray) -> None:
    result = to_rgb_uint8(array)
    assert result.shape == (*array.shape[:2], 3)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert result.flags.writeable


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.uint16, (3, 4, 3)))
def test_16_bit_keeps_the_order_of_brightness(array: np.ndarray) -> None:
    result = to_rgb_uint8(array).ravel().astype(int)
    order = np.argsort(array.ravel(), kind="stable")
    assert (np.diff(result[order]) >= 0).all()


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[1, 2, 3], [4, 5, 6]]),
        (2, [[3, 2, 1], [6, 5, 4]]),
        (3, [[6, 5, 4], [3, 2, 1]]),
        (4, [[4, 5, 6], [1, 2, 3]]),
        (5, [[1, 4], [2, 5], [3, 6]]),
        (6, [[4, 1], [5, 2], [6, 3]]),
        (7, [[6, 3], [5, 2], [4, 1]]),
        (8, [[3, 6], [2, 5], [1, 4]]),
        (99, [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_orientation(orientation: int, expected: list[list[int]]) -> None:
    assert orient(np.array([[1, 2, 3], [4, 5, 6]]), orientation).tolist() == expected
