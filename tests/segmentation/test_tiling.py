"""Tiles: every pixel once, and the same maps as one big window."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.network import build_network, network_maps
from nuseg.segmentation.tiling import plan_tiles, predict_maps


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
