"""The mean over orientations: turned back rightly, symmetric, and the same in tiles."""

import numpy as np
import pytest

from nuseg.engines.loading import load_engine
from nuseg.engines.tta import EightViews
from nuseg.errors import NusegError
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.store import choose_model, load_model
from nuseg.segmentation.tiling import predict_maps

RNG = np.random.default_rng(0)


def pointwise(batch: np.ndarray) -> np.ndarray:
    """Two maps that are the pixel's own, whatever the orientation."""
    return batch[..., :2].transpose(0, 3, 1, 2).astype(np.float32) / 255


def sloped(batch: np.ndarray) -> np.ndarray:
    """Maps that look at the neighbours on the left and above, at distances that depend on a grid of 4 px."""
    wide = np.pad(batch[..., :2].astype(np.float32) / 255, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    rows, columns = (4 + np.arange(side) - np.arange(side) % 4 for side in batch.shape[1:3])
    return (wide[:, rows[:, None], columns] + wide[:, 4:-4, 3:-5]).transpose(0, 3, 1, 2) / 2


def test_maps_are_turned_back_to_where_they_belong():
    batch = RNG.integers(0, 256, (2, 10, 14, 3), np.uint8)
    np.testing.assert_allclose(EightViews(pointwise, 4)(batch), pointwise(batch), atol=1e-6)


@pytest.mark.parametrize("turn", [lambda a: a[:, ::-1], lambda a: a[:, :, ::-1], lambda a: np.rot90(a, 1, (1, 2))])
def test_a_turned_image_gives_turned_maps(turn):
    batch = RNG.integers(0, 256, (1, 16, 24, 3), np.uint8)
    network = EightViews(sloped, 4)
    assert np.abs(sloped(turn(batch)) - turn(sloped(batch).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)).max() > 0.1
    expected = turn(network(batch).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(network(turn(batch)), expected, atol=1e-6)


@pytest.mark.parametrize("tile", [8, 12, 20])
@pytest.mark.parametrize("size", [(40, 48), (37, 46)])
def test_tiles_give_the_same_maps(size, tile):
    pixels = RNG.integers(0, 256, (*size, 3), np.uint8)
    config = ModelConfig(name="x", architecture=Architecture(), mpp=0.25, margin=4, stride=4)
    network = EightViews(sloped, 4)
    np.testing.assert_allclose(predict_maps(network, pixels, config, tile), network(pixels[None])[0], atol=1e-6)


def test_the_best_quality_is_the_default_model_in_eight_orientations():
    best, plain = choose_model(quality="best"), load_model()
    assert best.config == plain.config.model_copy(update={"orientations": 8})
    assert choose_model() == choose_model(quality="default") == plain
    assert choose_model(quality="fast") == load_model("fast")
    assert choose_model(quality="light") == load_model("light")
    assert choose_model("fast", "best").config.name == "fast"
    batch = RNG.integers(0, 256, (1, 48, 40, 3), np.uint8)
    expected = EightViews(load_engine(plain, "cpu"), plain.config.stride)(batch)
    np.testing.assert_allclose(load_engine(best, "cpu")(batch), expected, atol=1e-6)


@pytest.mark.parametrize("quality", ["fast", "light"])
def test_a_quality_that_is_another_model_is_refused_beside_a_model(quality):
    with pytest.raises(NusegError, match=f"quality {quality} is the model {quality}"):
        choose_model("default", quality)
