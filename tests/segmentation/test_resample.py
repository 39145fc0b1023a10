"""The slide at the model's resolution: the same pixels in every window, at the right place."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.segmentation.image_grid import to_model_grid
from nuseg.segmentation.resample import ModelGrid
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
    planned = {ratio: grid_of(ratio, (1, 4)) for ratio in (0.5, 1.01, 1.3, 2.0, 3.0, 4.05, 5.0, 8.0)}
    assert {ratio: (grid.level, grid.shrink, round(grid.zoom, 3)) for ratio, grid in planned.items()} == {
        0.5: (0, 1, 0.5), 1.01: (0, 1, 1), 1.3: (0, 1, 1.3), 2.0: (0, 2, 1), 3.0: (0, 3, 1), 4.05: (1, 1, 1),
        5.0: (1, 1, 1.25), 8.0: (1, 2, 1),
    }  # fmt: skip
    assert planned[1.01].scale == 1
    assert planned[8.0].scale == 8
    assert planned[1.3].shape == (538, 692)


def test_the_same_as_for_images() -> None:
    grid = grid_of(0.5)
    found, _ = grid.read(0, 0, *grid.shape)
    expected = to_model_grid(PIXELS, 0.5, 0.25)
    assert np.abs(found[4:-4, 4:-4].astype(int) - expected[4:-4, 4:-4]).max() <= 1


def test_damaged_blocks_are_blank_and_told() -> None:
    grid = ModelGrid.of(array_slide(PIXELS, damaged=(520, 100, 521, 101)), 0.25, 0.25)
    found, damaged = grid.read(90, 500, 40, 60)
    assert damaged == [(512, 0, 388, 512)]
    assert np.array_equal(found[:, :12], PIXELS[90:130, 500:512])
    assert (found[:, 12:] == 255).all()
