"""Tiles: every pixel once, and the same maps as one big window."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.network import build_network, network_maps
from nuseg.segmentation.tiling import Core, TileSizes, plan_parts, plan_tiles, predict_maps, usual_tile


def whole(shape: tuple[int, int]) -> Core:
    return slice(0, shape[0]), slice(0, shape[1])


def config(margin: int) -> ModelConfig:
    return ModelConfig(name="test", architecture=Architecture(), mpp=0.25, margin=margin)


@settings(deadline=None, max_examples=50)
@given(height=st.integers(1, 300), width=st.integers(1, 300), tile=st.integers(1, 200), margin=st.integers(0, 70))
def test_cores_cover_every_pixel_once_and_windows_hold_the_margin(height, width, tile, margin):
    covered = np.zeros((height, width), int)
    for part in plan_tiles(height, width, tile, margin, 16):
        covered[part.core] += 1
        for core, window, inside, length in zip(part.core, part.window, part.inside, (height, width), strict=True):
            assert window.start % 16 == 0
            assert window.start == 0 or core.start - window.start >= margin
            assert window.stop == length or window.stop - core.stop >= margin
            assert inside.stop - inside.start == core.stop - core.start
    assert (covered == 1).all()


def area_between(shape: tuple[int, int], ends: tuple[float, ...]) -> Core:
    """A part of an image of some pixels, by where its sides begin and end."""
    spans = []
    for length, pair in zip(shape, (ends[:2], ends[2:]), strict=True):
        first, last = sorted(round(length * end) for end in pair)
        spans.append(slice(min(first, length - 1), max(last, min(first, length - 1) + 1)))
    return spans[0], spans[1]


@settings(deadline=None, max_examples=100)
@given(
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    ends=st.tuples(*[st.sampled_from([0.0, 0.1, 0.45, 0.5, 0.9, 1.0])] * 4),
    tile=st.integers(1, 200),
    part=st.integers(1, 200),
    margin=st.integers(0, 70),
    seed=st.integers(0, 99),
    share=st.sampled_from([0.2, 0.6, 1.0]),
)
@example(shape=(54, 49), ends=(0.0, 0.9, 0.0, 0.9), tile=1, part=1, margin=1, seed=0, share=1.0)  # ends near the border
def test_parts_cover_what_is_wanted_once_behind_their_neighbours(
    shape: tuple[int, int], ends: tuple[float, ...], tile: int, part: int, margin: int, seed: int, share: float
) -> None:
    """Windows hold the margins of all their parts, and no more but to be alike; parts lie on one grid."""
    rng = np.random.default_rng(seed)
    unwanted = np.zeros(shape, bool)
    area = area_between(shape, ends)

    def wanted(core: Core) -> bool:
        unwanted[core] = rng.random() >= share
        return not unwanted[core].any()

    parts = list(plan_parts(shape, area, TileSizes(tile, part, margin, 16), wanted))
    covered = np.zeros(shape, int)
    number = np.full(shape, -1)
    for place, each in enumerate(parts):
        rows, columns = each.core
        covered[each.core] += 1
        number[each.core] = place
        assert max(rows.stop - rows.start, columns.stop - columns.start) <= -(-part // 16) * 16
        for before in (number[max(rows.start - 1, 0), columns], number[rows, max(columns.start - 1, 0)]):
            assert len(np.unique(before)) == 1, "one neighbour, as large on that side"
            assert before[0] <= place
    assert covered[area].all() or share < 1
    np.testing.assert_array_equal(covered > 0, (number >= 0) & ~unwanted)
    assert covered.max() <= 1
    assert np.array_equal(covered[area] > 0, ~unwanted[area])
    margin = -(-margin // 16) * 16
    for window in {(each.window[0].start, each.window[1].start): each.window for each in parts}.values():
        places = [place for place, each in enumerate(parts) if each.window == window]
        assert places == list(range(places[0], places[-1] + 1))
        for axis in (0, 1):
            sides = [parts[place].core[axis] for place in places]
            length = min(-(-tile // 16) * 16 + 2 * margin, shape[axis])
            assert window[axis].stop - window[axis].start <= length
            assert window[axis].start % 16 == 0
            assert window[axis].start <= max(min(side.start for side in sides) - margin, 0)
            assert window[axis].stop >= min(max(side.stop for side in sides) + margin, shape[axis])
    shapes = {tuple(side.stop - side.start for side in each.window) for each in parts}
    assert share < 1 or area != whole(shape) or len(shapes) <= (1 if shape[0] % 16 == shape[1] % 16 == 0 else 4)


def test_tiles_begin_with_what_is_wanted() -> None:
    """In the middle of much glass as few as of an image without it, and none is larger."""
    place = slice(30_011, 36_700), slice(61_003, 67_000)
    parts = list(plan_parts((100_000, 90_000), place, TileSizes(3360, 3360, 288, 16), lambda _core: True))
    assert len(parts) == 4
    assert parts[0].core[0].start == 30_000
    assert parts[-1].core[1].stop == 67_000
    windows = [side.stop - side.start for each in parts for side in each.window]
    assert max(windows) <= 3360 + 2 * 288


def test_windows_have_few_sizes_whatever_is_wanted() -> None:
    """A network is compiled for every size: along a side there is one for a whole tile, and one for a part."""
    shape, rng = (20_000, 17_008), np.random.default_rng(0)
    spots = rng.uniform(0, 1, (12, 2)) * shape

    def wanted(core: Core) -> bool:
        centre = [(side.start + side.stop) / 2 for side in core]
        return bool((np.hypot(*(spots - centre).T) < 2500).any())

    parts = list(plan_parts(shape, whole(shape), TileSizes(3344, 2400, 288, 16), wanted))
    assert 30 < len(parts) < 150
    sizes = {tuple(side.stop - side.start for side in each.window) for each in parts}
    lengths = [len({size[axis] for size in sizes}) for axis in (0, 1)]
    assert max(lengths) <= 2
    assert len(sizes) == 4


@pytest.mark.parametrize(
    ("shape", "margin", "pixels", "expected"),
    [
        ((900, 1500), 144, 20_000_000, 2048),  # an image
        ((4096, 4096), 144, 20_000_000, 2048),  # smaller tiles, for work beside the network
        ((3000, 9000), 144, 20_000_000, 3008),  # three along the longer side
        ((90_000, 9000), 144, 4208**2, 4208 - 2 * 144),  # as memory goes
        ((90_000, 9000), 130, 4208**2, 4208 - 2 * 144),  # margins are whole strides
        ((90_000, 9000), 144, 6000**2, 4096),
        ((90_000, 9000), 320, 2500**2, 2048),  # no engine makes them smaller
        ((90_000, 9000), 320, 0, 2048),  # nor one that does not say
    ],
)
def test_tiles_are_as_large_as_memory_and_source_allow(
    shape: tuple[int, int], margin: int, pixels: int, expected: int
) -> None:
    assert usual_tile(whole(shape), margin, 16, lambda: pixels) == expected


def test_an_engine_is_not_asked_about_small_images() -> None:
    def ask() -> int:
        raise AssertionError

    assert usual_tile(whole((2000, 6000)), 144, 16, ask) == 2048


def box_mean(batch: np.ndarray) -> np.ndarray:
    """A tiny "network" on a grid of 16 px: each pixel's 16-block mean beside the block to its left."""
    image = batch[..., 0].astype(np.float32)
    n, height, width = image.shape
    padded = np.pad(image, ((0, 0), (0, -height % 16), (0, -width % 16)), mode="edge")
    blocks = padded.reshape(n, padded.shape[1] // 16, 16, -1, 16).mean((2, 4))
    left = np.concatenate([blocks[:, :, :1], blocks[:, :, :-1]], axis=2)
    maps = np.stack([blocks, left], axis=1).repeat(16, 2).repeat(16, 3)
    return maps[:, :, :height, :width]


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 120), width=st.integers(1, 120), tile=st.integers(1, 100), seed=st.integers(0, 9))
def test_tiled_equals_untiled_exactly(height, width, tile, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    untiled = predict_maps(box_mean, pixels, config(16), tile=10_000)
    np.testing.assert_array_equal(predict_maps(box_mean, pixels, config(16), tile=tile), untiled)


@pytest.mark.parametrize(("preset", "tile"), [("unet-small", 48), ("unet-small", 100), ("unet-lite", 160)])
def test_a_real_network_tiled_equals_untiled(preset, tile):
    torch.manual_seed(0)
    network = build_network(Architecture(preset=preset)).eval()
    pixels = np.random.default_rng(1).integers(0, 256, (333, 415, 3), np.uint8)
    run = lambda batch: network_maps(network, batch)  # noqa: E731
    model = config(network.margin)
    untiled = predict_maps(run, pixels, model, tile=10_000)
    np.testing.assert_allclose(predict_maps(run, pixels, model, tile=tile), untiled, atol=2e-6)
