"""Sources as pyramids of dask arrays: the pixels of the file, and nothing read before it is asked for."""

from pathlib import Path

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.pyramid import lazy_levels
from nuseg.io.reader import ArrayReader
from nuseg.io.source import Source
from nuseg.types import RGB
from slide_files import save_pyramid

pytest.importorskip("dask", reason="needs nuseg[spatialdata] or nuseg[napari]")
PIXELS = np.random.default_rng(0).integers(0, 256, (101, 150, 3), np.uint8)


def halved(pixels: RGB) -> RGB:
    """Means of two by two pixels, the last row and column twice where their number is odd; written out plainly."""
    height, width = (-(-side // 2) for side in pixels.shape[:2])
    half = np.zeros((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            rows = [2 * y, min(2 * y + 1, pixels.shape[0] - 1)]
            columns = [2 * x, min(2 * x + 1, pixels.shape[1] - 1)]
            half[y, x] = np.rint(pixels[np.ix_(rows, columns)].astype(float).mean(axis=(0, 1)))
    return half


def test_levels_of_an_array_are_halves() -> None:
    levels = lazy_levels(open_source(PIXELS), chunk=32)
    expected = [PIXELS]
    while max(expected[-1].shape) > 32:
        expected.append(halved(expected[-1]))
    assert [level.shape for level in levels] == [pixels.shape for pixels in expected]
    for level, pixels in zip(levels, expected, strict=True):
        assert np.array_equal(level.compute(), pixels)
    assert np.array_equal(levels[0][40:90, 31:100].compute(), PIXELS[40:90, 31:100])


def test_a_small_array_is_one_level() -> None:
    (level,) = lazy_levels(open_source(PIXELS))
    assert np.array_equal(level.compute(), PIXELS)


def test_levels_of_a_slide_are_its_own(tmp_path: Path) -> None:
    save_pyramid(tmp_path / "a.tif", PIXELS, (1, 4), 0.5, compression=None)
    with open_source(tmp_path / "a.tif") as source:
        levels = lazy_levels(source, chunk=64)
        assert [level.shape[:2] for level in levels] == [(level.height, level.width) for level in source.levels]
        for number, level in enumerate(levels):
            size = source.levels[number]
            assert np.array_equal(level.compute(), source.read(number, 0, 0, size.width, size.height))


class Damaged(ArrayReader):
    """Cannot be read right of x = 64; keeps what was asked for."""

    def __init__(self, kind: str) -> None:
        super().__init__(PIXELS)
        self.kind = kind  # type: ignore[assignment]
        self.asked: list[tuple[int, int]] = []

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        self.asked.append((x, y))
        if x >= 64:
            raise ValueError("damaged")
        return super().read(level, x, y, width, height)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    reader = Damaged("slide")
    levels = lazy_levels(Source(None, reader), chunk=64)
    assert reader.asked == []
    levels[0][:10, :10].compute()
    assert reader.asked == [(0, 0)]


def test_what_is_damaged_is_white_in_a_slide_and_an_error_in_an_image() -> None:
    level = lazy_levels(Source(None, Damaged("slide")), chunk=64)[0].compute()
    assert np.array_equal(level[:, :64], PIXELS[:, :64])
    assert (level[:, 64:] == 255).all()
    with pytest.raises(NusegError, match=r"damaged at x (64|128)"):
        lazy_levels(Source(None, Damaged("image")), chunk=64)[0].compute()
