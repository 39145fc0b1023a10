"""The 8-bit graph: the same interface, nearly the same maps."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from nuseg.engines.backends.openvino import OpenVinoEngine
from nuseg.engines.loading import load_engine
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import save_model, to_onnx
from nuseg.model.network import build_network
from nuseg.model.quantise import float_nodes, without_last_concat

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(4)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    architecture = Architecture(preset="unet-small")
    config = ModelConfig(name="untrained", architecture=architecture, mpp=0.25, margin=128)
    return save_model(build_network(architecture), config, tmp_path_factory.mktemp("model"), IMAGES)


def test_int8_graph_gives_nearly_the_same_maps(model):
    batch = RNG.integers(0, 256, (2, 50, 70, 3), np.uint8)
    exact = load_engine(model, "cpu", precision="f32")(batch)
    coarse = load_engine(model, "cpu", precision="int8")(batch)
    assert coarse.shape == exact.shape == (2, 2, 50, 70)
    assert 0 < np.abs(coarse - exact).max() < 0.1
    types = [node.op_type for node in onnx.load(model.graph("int8")).graph.node]
    assert "QuantizeLinear" in types


def test_both_ends_of_the_network_stay_in_float(model):
    graph = onnx.load(model.graph())
    convolutions = [node.name for node in graph.graph.node if node.op_type == "Conv"]
    kept = set(float_nodes(graph))
    assert [name for name in convolutions if name in kept] == [convolutions[0], *convolutions[-3:]]
    ups = [node.name for node in graph.graph.node if node.op_type == "ConvTranspose"]
    assert [name for name in ups if name in kept] == ups[-1:]


def test_networks_without_up_convolutions_keep_their_last_convolutions() -> None:
    kinds = ["Conv", "Relu", "Conv", "Resize", "Conv", "Relu", "Conv", "Relu", "Conv", "Sigmoid"]
    nodes = [onnx.helper.make_node(kind, ["x"], ["x"], str(number)) for number, kind in enumerate(kinds)]
    graph = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], []))
    assert float_nodes(graph) == ["0", "4", "5", "6", "7", "8", "9"]


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_a_sum_in_place_of_the_last_concatenation_gives_the_same(preset: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(Architecture(preset=preset)).eval()
    before = to_onnx(network)
    after = without_last_concat(before)
    kinds = [[node.op_type for node in graph.graph.node] for graph in (before, after)]
    assert kinds[0].count("Concat") - kinds[1].count("Concat") == 1
    onnx.checker.check_model(after, full_check=True)
    batch = RNG.integers(0, 256, (1, 64, 80, 3), np.uint8)
    maps = []
    for name, graph in (("before", before), ("after", after)):
        onnx.save(graph, tmp_path / f"{name}.onnx")
        maps.append(OpenVinoEngine(tmp_path / f"{name}.onnx")(batch))
    np.testing.assert_allclose(maps[1], maps[0], atol=2e-6)
    assert np.ptp(maps[0]) > 0.01


def test_only_what_is_understood_is_changed() -> None:
    """A graph without an up-convolution behind the concatenation stays as it is."""
    helper = onnx.helper
    kernel = onnx.numpy_helper.from_array(np.ones((4, 6, 1, 1), np.float32), "k")
    nodes = [
        helper.make_node("Resize", ["a"], ["up"], "resize"),
        helper.make_node("Concat", ["b", "up"], ["both"], "concat", axis=1),
        helper.make_node("Conv", ["both", "k"], ["out"], "conv"),
    ]
    graph = helper.make_model(helper.make_graph(nodes, "g", [], [], [kernel]))
    assert without_last_concat(graph) == graph
