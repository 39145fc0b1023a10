"""Pictures of how densely nuclei lie."""

import numpy as np
import pytest

from nuseg.plot.density import (
    COLOURS,
    MIN_WIDTH,
    OPACITY,
    OUTLINE,
    ROWS_AT_ONCE,
    Overview,
    draw_density,
    draw_overview,
    round_down,
    round_up,
)

PINK = (225, 170, 200)


def overview(height: int = 60, width: int = 600, counted: np.ndarray | None = None) -> Overview:
    """Pink, with one nucleus in each pixel of the left third; 8 um a pixel."""
    counts = np.zeros((height, width), np.int64)
    counts[:, : width // 3] = 1
    thumbnail = np.full((height, width, 3), PINK, np.uint8)
    return Overview(thumbnail, np.ones((height, width), bool) if counted is None else counted, counts, 8.0, 1.0)


def test_the_scale_ends_at_a_round_number_that_the_densest_places_reach() -> None:
    levels, top = overview().graded
    assert top == 20_000  # 1 nucleus in 64 um2 is 15,625 per mm2
    assert abs(int(levels[30, 20]) - 255 * 15_625 / 20_000) < 2
    assert levels[30, 500] == 0


def test_map_has_the_colour_of_the_level_and_white_glass() -> None:
    counted = np.ones((60, 600), bool)
    counted[:, 400:] = False
    made = overview(counted=counted)
    drawn = draw_density(made)
    levels, _ = made.graded
    assert drawn.dtype == np.uint8
    assert drawn.shape[1] == 600
    assert np.array_equal(drawn[:60, :400], COLOURS[levels[:, :400]])
    assert (drawn[:60, 400:] == 255).all()


def test_overview_leaves_the_picture_where_nothing_lies_and_outlines_what_counts() -> None:
    counted = np.zeros((60, 600), bool)
    counted[10:50, 10:500] = True
    drawn = draw_overview(overview(counted=counted))
    assert drawn[30, 560].tolist() == list(PINK)
    assert drawn[30, 400].tolist() == list(PINK), "tissue without nuclei"
    assert drawn[30, 100].tolist() != list(PINK)
    assert drawn[10, 300].tolist() == list(OUTLINE)


def test_a_mask_of_another_size_is_brought_to_the_picture() -> None:
    made = overview(counted=np.array([[True, False]]))
    assert made.counted.shape == (60, 600)
    assert made.counted[:, :300].all()
    assert not made.counted[:, 300:].any()


@pytest.mark.parametrize("draw", [draw_density, draw_overview])
def test_the_inputs_stay_and_a_narrow_picture_has_room_for_its_legend(draw) -> None:  # type: ignore[no-untyped-def]
    made = overview(20, 30)
    before = made.thumbnail.copy()
    drawn = draw(made)
    assert np.array_equal(made.thumbnail, before)
    assert drawn.shape[1] == MIN_WIDTH
    assert (drawn[20:] < 128).any(), "a legend is written"


def test_nothing_that_counts() -> None:
    made = overview(counted=np.zeros((60, 600), bool))
    assert made.graded[1] == 10
    assert (draw_density(made)[:60] == 255).all()


@pytest.mark.parametrize(("value", "rounded"), [(0, 10), (10, 10), (11, 12), (101, 120), (8001, 10_000), (1999, 2000)])
def test_round_up(value: float, rounded: float) -> None:
    assert round_up(value) == rounded


@pytest.mark.parametrize(("value", "rounded"), [(1, 1), (4.9, 2), (5, 5), (99, 50), (1000, 1000)])
def test_round_down(value: float, rounded: float) -> None:
    assert round_down(value) == rounded


def test_a_high_picture_is_that_of_its_strips() -> None:
    """Drawn strip by strip in little memory; against the plain formula over all of it."""
    made = overview(2 * ROWS_AT_ONCE + 7, 530)
    rng = np.random.default_rng(0)
    made.thumbnail[...] = rng.integers(0, 256, made.thumbnail.shape)
    made.counted[:] = False
    levels, _ = made.graded
    share = np.float32(OPACITY / 255) * (made.counted * levels)[..., None]
    plain = (made.thumbnail * (1 - share) + COLOURS[levels] * share).round().astype(np.uint8)
    assert np.array_equal(draw_overview(made)[: len(plain)], plain)
    made.counted[:] = True
    inner = np.s_[5:-5, 5:-5]
    share = np.float32(OPACITY / 255) * levels[..., None].astype(np.float32)
    plain = (made.thumbnail * (1 - share) + COLOURS[levels] * share).round().astype(np.uint8)
    drawn = draw_overview(made)[: len(plain)]
    assert np.abs(drawn[inner].astype(int) - plain[inner]).max() <= 1
