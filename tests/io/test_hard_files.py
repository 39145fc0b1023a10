"""Files of the kinds that readers get wrong: pixels, region by region, resolution and notes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hard_files import HARD_FILES, HardFile, field
from nuseg.io.opening import is_slide, open_slide, read_image

PIXELS = field()
HEIGHT, WIDTH = PIXELS.shape[:2]


@pytest.fixture(scope="module", params=HARD_FILES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[HardFile, Path]:
    hard = HARD_FILES[request.param]
    path = tmp_path_factory.mktemp("hard") / hard.name
    hard.write(path, PIXELS)
    return hard, path


def test_pixels_are_those_that_were_put_in(case: tuple[HardFile, Path]) -> None:
    hard, path = case
    pixels = read_image(path).pixels
    assert (pixels.shape, pixels.dtype) == (PIXELS.shape, np.uint8)
    difference = np.abs(pixels.astype(int) - PIXELS)
    assert difference.mean() <= hard.near
    assert hard.near or difference.max() == 0


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-20, WIDTH), st.integers(-20, HEIGHT), st.integers(1, 90), st.integers(1, 90))
def test_a_region_is_that_of_the_whole(case: tuple[HardFile, Path], x: int, y: int, width: int, height: int) -> None:
    _, path = case
    whole = np.pad(read_image(path).pixels, ((20, 90), (20, 90), (0, 0)), constant_values=255)
    with open_slide(path) as source:
        read = source.read(0, x, y, width, height)
    assert np.array_equal(read, whole[y + 20 : y + 20 + height, x + 20 : x + 20 + width])


def test_every_level_is_upright(case: tuple[HardFile, Path]) -> None:
    _, path = case
    with open_slide(path) as source:
        for number, level in enumerate(source.levels[1:], 1):
            small = source.read(number, 0, 0, level.width, level.height)
            factor = round(level.downsample)
            blocks = PIXELS[: level.height * factor, : level.width * factor].reshape(
                level.height, factor, level.width, factor, 3
            )
            assert np.abs(small - blocks.mean((1, 3))).mean() < 3
            part = source.read(number, 10, 20, 30, 25)
            assert np.array_equal(part, small[20:45, 10:40])


def test_kind_resolution_and_notes(case: tuple[HardFile, Path]) -> None:
    hard, path = case
    image = read_image(path)
    with open_slide(path) as source:
        settled = source.resolution()
        assert (source.kind, is_slide(path)) == (hard.kind, hard.kind == "slide")
        assert settled.mpp == pytest.approx(hard.mpp, rel=1e-6)
        assert source.notes == image.notes
        assert image.mpp == (None if settled.note else settled.mpp)
        assert image.mpp_problem is None
        notes = [*source.notes, *filter(None, [settled.note])]
        assert len(notes) == bool(hard.noted) + (bool(settled.note) and hard.noted not in settled.note)
        assert not notes or (hard.noted in notes[0] and notes[0].startswith(f"{path}: "))
        assert (source.width, source.height) == (WIDTH, HEIGHT)
