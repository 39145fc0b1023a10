"""The source at the model's resolution: the same pixels in every window, at the right place."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.io.opening import open_source
from nuseg.segmentation.resample import REACH, ModelGrid, resample
from slide_files import array_slide, scene

PIXELS = scene(700, 900, 3)
RATIOS = [0.25, 0.4, 0.499, 0.99, 1.0, 1.015, 1.3, 1.98, 2.0, 2.6, 3.0, 4.1, 5.7]


def grid_of(ratio: float, downsamples: tuple[int, ...] = (1,)) -> ModelGrid:
    return ModelGrid.of(array_slide(PIXELS, downsamples=downsamples), 0.5, 0.5 * ratio)


@settings(deadline=None, max_examples=60)
@given(
    ratio=st.sampled_from(RATIOS),
    downsamples=st.sampled_from([(1,), (1, 2), (1, 4)]),
    top=st.floats(0, 1), left=st.floats(0, 1), height=st.integers(1, 90), width=st.integers(1, 90),
)  # fmt: skip
def test_a_window_shows_what_the_whole_shows(
    ratio: float, downsamples: tuple[int, ...], top: float, left: float, height: int, width: int
) -> None:
    grid = grid_of(ratio, downsamples)
    y, x = int(top * (grid.shape[0] - 1)), int(left * (grid.shape[1] - 1))
    height, width = min(height, grid.shape[0] - y), min(width, grid.shape[1] - x)
    # A wider window stands for the whole, which would take long at high zoom.
    y0, x0 = max(y - 100, 0), max(x - 70, 0)
    wide, _ = grid.read(y0, x0, y - y0 + height + 5, x - x0 + width + 40)
    found, damaged = grid.read(y, x, height, width)
    assert not damaged
    assert np.array_equal(found, wide[y - y0 :, x - x0 :][:height, :width])


@pytest.mark.parametrize("ratio", RATIOS)
def test_no_shift(ratio: float) -> None:
    """A dot lies where it lay, in px of level 0."""
    pixels = np.full((400, 400, 3), 255, np.uint8)
    cv2.circle(pixels, (150, 260), 30, (0, 0, 0), -1, cv2.LINE_AA)
    grid = ModelGrid.of(array_slide(pixels), 0.5, 0.5 * ratio)
    dark = 255.0 - grid.read(0, 0, *grid.shape)[0][..., 0]
    y, x = ((np.arange(n) + 0.5) * grid.scale for n in grid.shape)
    assert (dark * x).sum() / dark.sum() == pytest.approx(150.5, abs=0.02 * max(grid.scale, 1))
    assert (dark * y[:, None]).sum() / dark.sum() == pytest.approx(260.5, abs=0.02 * max(grid.scale, 1))


def test_what_is_read() -> None:
    """Always level 0: how many of its pixels are averaged, and what is interpolated between the means."""
    planned = {ratio: grid_of(ratio, (1, 4)) for ratio in (0.5, 1.01, 1.3, 2.0, 3.0, 4.05, 5.0, 5.5, 8.0)}
    assert {ratio: (grid.shrink, round(grid.zoom, 3)) for ratio, grid in planned.items()} == {
        0.5: (1, 0.5), 1.01: (1, 1), 1.3: (1, 1.3), 2.0: (2, 1), 3.0: (3, 1), 4.05: (4, 1), 5.0: (5, 1),
        5.5: (5, 1.1), 8.0: (8, 1),
    }  # fmt: skip
    assert planned[1.01].scale == 1
    assert planned[8.0].scale == 8
    assert planned[1.3].shape == (538, 692)


@pytest.mark.parametrize("ratio", RATIOS)
def test_levels_do_not_matter(ratio: float) -> None:
    """The smaller levels of `array_slide` are not means: taking one would show."""
    y, x, height, width = (int(length / max(ratio, 1)) for length in (10, 20, 300, 400))
    expected, _ = grid_of(ratio).read(y, x, height, width)
    for downsamples in ((1, 2), (1, 2, 4), (1, 4)):
        assert np.array_equal(grid_of(ratio, downsamples).read(y, x, height, width)[0], expected)


def bilinear(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """Interpolate in floating point, with the last row and column repeated beyond the edge."""
    height, width = (max(1, round(side / zoom)) for side in pixels.shape[:2])
    y, x = ((np.arange(n) + 0.5) * zoom - 0.5 for n in (height, width))
    rows, columns = (np.clip(np.floor(a).astype(int)[:, None] + [0, 1], 0, n - 1)
                     for a, n in ((y, pixels.shape[0]), (x, pixels.shape[1])))  # fmt: skip
    down, right = (y - np.floor(y))[:, None, None], (x - np.floor(x))[None, :, None]
    corners = [[pixels[np.ix_(rows[:, i], columns[:, j])].astype(float) for j in (0, 1)] for i in (0, 1)]
    upper, lower = (left * (1 - right) + behind * right for left, behind in corners)
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("ratio", [1.3, 1.7, 2.6, 4.1, 5.7])
def test_against_means_and_interpolation_in_floating_point(ratio: float) -> None:
    grid = grid_of(ratio)
    height, width = (side // grid.shrink * grid.shrink for side in (280, 340))
    grid = ModelGrid(array_slide(PIXELS[:height, :width]), grid.shrink, grid.zoom)
    blocks = PIXELS[:height, :width].reshape(height // grid.shrink, grid.shrink, -1, grid.shrink, 3)
    expected = bilinear(np.rint(blocks.mean((1, 3))), grid.zoom)
    found, _ = grid.read(0, 0, *grid.shape)
    assert found.shape == expected.shape
    # Places are known to 1/32 px.
    steepest = max(np.abs(np.diff(PIXELS.astype(int), axis=axis)).max() for axis in (0, 1)) * grid.shrink
    assert np.abs(found - expected).max() <= steepest / 32 + 1
    assert np.abs(found - expected).mean() < 0.6


@pytest.mark.parametrize(("ratio", "tolerance"), [(0.5, 1), (0.25, 1), (0.4, 4)])
def test_magnified_as_opencv_does(ratio: float, tolerance: int) -> None:
    """Bicubic, corners coincide, edges repeated. At 0.4 places lie between the 32nds of a pixel."""
    whole = resample(array_slide(PIXELS), 0.5, 0.5 * ratio)
    height, width = whole.shape[:2]
    assert (height, width) == (700 / ratio, 900 / ratio)
    expected = cv2.resize(PIXELS, (width, height), interpolation=cv2.INTER_CUBIC)
    assert np.abs(whole.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("ratio", RATIOS)
def test_beyond_the_edge_the_last_row_and_column_are_repeated(ratio: float) -> None:
    """The same as of a source to which they were added, so that no white frame is seen by the network."""
    grid = grid_of(ratio)
    pixels = PIXELS[: 20 * grid.shrink, : 30 * grid.shrink]
    longer = np.concatenate([pixels, *[pixels[-grid.shrink :]] * 6])
    larger = np.concatenate([longer, *[longer[:, -grid.shrink :]] * 6], axis=1)
    small, large = (ModelGrid(array_slide(given), grid.shrink, grid.zoom) for given in (pixels, larger))
    height, width = (int((side + 6 - REACH) / grid.zoom) - 1 for side in (20, 30))
    assert np.array_equal(small.read(0, 0, height, width)[0], large.read(0, 0, height, width)[0])
    far = int(np.ceil(REACH / grid.zoom)) + 1  # beside the source altogether
    corners = [small.read(y, x, 2, 2)[0] for y in (-far - 2, 10_000) for x in (-far - 2, 10_000)]
    ends = slice(0, grid.shrink), slice(-grid.shrink, None)
    blocks = [pixels[rows, columns] for rows in ends for columns in ends]
    for corner, block in zip(corners, blocks, strict=True):
        assert np.abs(corner - block.mean((0, 1))).max() <= 0.5


@pytest.mark.parametrize("colour", [0, 7, 200, 255])
@pytest.mark.parametrize("ratio", RATIOS)
def test_one_colour_stays_that_colour_up_to_the_edges(ratio: float, colour: int) -> None:
    grid = ModelGrid.of(array_slide(np.full((123, 77, 3), colour, np.uint8)), 0.5, 0.5 * ratio)
    height, width = grid.shape
    assert (grid.read(-5, -5, height + 10, width + 10)[0] == colour).all()


@pytest.mark.parametrize(
    ("mpp", "side"), [(0.25, 100), (0.246, 100), (0.254, 100), (0.5, 200), (0.23, 92), (0.1, 40), (2.0, 800)]
)
def test_size_at_the_models_resolution(mpp: float, side: int) -> None:
    assert resample(array_slide(np.zeros((100, 100, 3), np.uint8)), mpp, 0.25).shape == (side, side, 3)


def test_one_pixel_stays_a_pixel() -> None:
    assert resample(array_slide(np.full((1, 1, 3), 7, np.uint8)), 0.1, 0.5).tolist() == [[[7, 7, 7]]]


def test_pickled_after_reading(tmp_path: Path) -> None:
    """Into other processes go the path and the plan, and no blocks of pixels."""
    write_png(tmp_path / "a.png", PIXELS)
    for source, limit in ((open_source(tmp_path / "a.png"), 3000), (open_source(PIXELS), PIXELS.nbytes + 3000)):
        grid = ModelGrid.of(source, 0.25, 0.33)
        expected, _ = grid.read(30, 40, 200, 300)
        content = pickle.dumps(grid)
        assert len(content) < limit
        again = pickle.loads(content)
        assert (again.shape, again.scale) == (grid.shape, grid.scale)
        assert np.array_equal(again.read(30, 40, 200, 300)[0], expected)


def test_damaged_blocks_are_blank_and_told() -> None:
    grid = ModelGrid.of(array_slide(PIXELS, damaged=(520, 100, 521, 101)), 0.25, 0.25)
    found, damaged = grid.read(90, 500, 40, 60)
    assert damaged == [(512, 0, 388, 512)]
    assert np.array_equal(found[:, :12], PIXELS[90:130, 500:512])
    assert (found[:, 12:] == 255).all()


def test_damage_of_an_image_is_an_error() -> None:
    grid = ModelGrid.of(array_slide(PIXELS, damaged=(520, 100, 521, 101), kind="image"), 0.25, 0.25)
    grid.read(90, 300, 40, 60)
    with pytest.raises(NusegError, match=r"damaged at x 512, y 0 px \(level 0, 388 x 512 px\): broken block"):
        grid.read(90, 500, 40, 60)
