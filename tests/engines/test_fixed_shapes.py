"""Graphs compiled for one shape: the same bytes as those of any shape, and how much memory they take."""

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as ops

from nuseg.engines import fixed_shapes
from nuseg.engines.backends import openvino as backend
from nuseg.engines.engine import ByteEngine, window_pixels
from nuseg.engines.fixed_shapes import bytes_at_once, bytes_of
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.engines.processor import core
from nuseg.model.config import Architecture, ModelConfig, Precision
from nuseg.model.export import save_model
from nuseg.model.network import build_network
from nuseg.model.store import Model

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.manual_seed(0)
    architecture = Architecture()
    config = ModelConfig(name="untrained", architecture=architecture, mpp=0.25, margin=288)
    images = [RNG.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2)]
    return save_model(build_network(architecture), config, tmp_path_factory.mktemp("model"), images)


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_large_windows_have_the_bytes_of_small_ones(
    model: Model, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """Nearly: libraries choose their methods by the shape. Also of a shape that comes again, after others or a rest."""
    engine = load_engine(model, "cpu", precision=precision)
    assert isinstance(engine, ByteEngine)
    shapes = [(64, 80), (64, 80), (95, 50), (33, 47), (64, 80), (95, 50)]
    for turn, shape in enumerate(shapes):
        window = RNG.integers(0, 256, (*shape, 3), np.uint8)
        monkeypatch.setattr(backend, "LARGE_WINDOW", 10**9)
        small = engine.in_bytes(window)
        monkeypatch.setattr(backend, "LARGE_WINDOW", 1)
        large = engine.in_bytes(window)
        assert large.shape == (2, *shape)
        assert len(np.unique(large)) > 8
        np.testing.assert_array_equal(small, quantise(engine(window[None])[0]))
        difference = np.abs(large.astype(int) - small)
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 0.01
        if turn == 3:
            engine.release()
        np.testing.assert_array_equal(engine.in_bytes(window), large)


def test_windows_are_as_large_as_memory_is_for(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = window_pixels(load_engine(model, "cpu", precision="f32"))
    coarse = window_pixels(load_engine(model, "cpu", precision="int8"))
    assert 1_000_000 < exact < coarse
    monkeypatch.setattr(fixed_shapes, "WINDOW_BYTES", fixed_shapes.WINDOW_BYTES // 2)
    assert window_pixels(load_engine(model, "cpu", precision="int8")) == pytest.approx(coarse / 2, abs=1)
    assert window_pixels(lambda batch: batch) == window_pixels(None) == 0


def test_bytes_of_a_graph_are_those_of_arrays_that_are_there_together() -> None:
    """Of a chain two arrays at a time; of one that is used at the end as well, three."""
    image = ops.parameter([1, 8, 32, 32], np.float32)

    def pooled(x: openvino.Node) -> openvino.Node:
        return ops.max_pool(x, [1, 1], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)  # not fused, not in place

    def taken(made: openvino.Node) -> int:
        compiled = core().compile_model(openvino.Model([made], [image], "probe"), "CPU", {"INFERENCE_NUM_THREADS": 1})
        return bytes_at_once(compiled.get_runtime_model())

    one = 8 * 32 * 32 * 4
    chain = taken(pooled(pooled(pooled(image))))
    kept = taken(ops.concat([image, pooled(pooled(pooled(image)))], 1))
    assert 2 * one <= chain < 3 * one
    assert kept >= 4 * one  # the image, the last of the chain, and both together


@pytest.mark.parametrize(("kind", "size"), [("f32", 4), ("bf16", 2), ("u8", 1), ("i64", 8), ("u4", 1), ("boolean", 1)])
def test_bytes_of_types(kind: str, size: int) -> None:
    assert bytes_of(kind) == size
