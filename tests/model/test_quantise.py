"""The 8-bit graph: the same interface, nearly the same maps."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from nuseg.engines.loading import load_engine
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import save_model
from nuseg.model.network import build_network
from nuseg.model.quantise import float_nodes

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


@pytest.mark.parametrize(("kinds", "expected"), [(["MatMul"], []), (["Relu", "Conv", "Relu"], ["1", "1", "2"])])
def test_networks_of_few_convolutions_keep_what_they_have(kinds: list[str], expected: list[str]) -> None:
    nodes = [helper.make_node(kind, ["x"], ["x"], str(number)) for number, kind in enumerate(kinds)]
    assert float_nodes(helper.make_model(helper.make_graph(nodes, "g", [], []))) == expected
