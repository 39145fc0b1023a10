"""The 8-bit graph: the same interface, nearly the same maps."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from nuseg.engines.backends.openvino import OpenVinoEngine
from nuseg.engines.loading import load_engine
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import save_model
from nuseg.model.graph import to_onnx
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


@pytest.mark.parametrize(("kinds", "expected"), [(["MatMul"], []), (["Relu", "Conv", "Relu"], ["1", "1", "2"])])
def test_networks_of_few_convolutions_keep_what_they_have(kinds: list[str], expected: list[str]) -> None:
    nodes = [helper.make_node(kind, ["x"], ["x"], str(number)) for number, kind in enumerate(kinds)]
    assert float_nodes(helper.make_model(helper.make_graph(nodes, "g", [], []))) == expected


def test_a_sum_in_place_of_the_last_concatenation_gives_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(Architecture()).eval()
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


def test_a_branch_beside_the_last_skip_connection_is_left_alone() -> None:
    """The head of classes concatenates before and after it."""
    torch.manual_seed(0)
    heads = ("mask", "distance", "classes")
    network = build_network(Architecture(preset="unet-small", heads=heads, classes=("a", "b"))).eval()
    before = to_onnx(network)
    after = without_last_concat(before)
    assert added(before, after) == {"Add": 1, "Conv": 1, "Concat": -1}
    batch = RNG.integers(0, 256, (1, 32, 48, 3), np.uint8)
    np.testing.assert_allclose(outputs(after, image=batch), outputs(before, image=batch), atol=2e-6)


def added(before: onnx.ModelProto, after: onnx.ModelProto) -> dict[str, int]:
    counts = [Counter(node.op_type for node in graph.graph.node) for graph in (before, after)]
    return {kind: counts[1][kind] - counts[0][kind] for kind in counts[1] if counts[1][kind] != counts[0][kind]}


def outputs(graph: onnx.ModelProto, **given: np.ndarray) -> np.ndarray:
    """All outputs in a row, by another library."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([array.ravel() for array in session.run(None, given)])


Change = Callable[[onnx.GraphProto], None]


def small_graph(change: Change = lambda graph: None) -> onnx.ModelProto:
    """Two expanding stages of four channels, of which something may be changed: `skip`s and `deep` give `out`."""
    kernels = {"up1": (4, 4, 2, 2), "k1": (4, 6, 3, 3), "up2": (4, 4, 2, 2), "k2": (4, 6, 3, 3), "bias": (4,)}
    same: dict[str, Any] = {"pads": [1, 1, 1, 1]}
    make = helper.make_node
    nodes = [
        make("ConvTranspose", ["deep", "up1"], ["u1"], strides=[2, 2]),
        make("Concat", ["skip1", "u1"], ["c1"], axis=1),
        make("Conv", ["c1", "k1"], ["x1"], **same),
        make("ConvTranspose", ["x1", "up2"], ["u2"], strides=[2, 2]),
        make("Concat", ["skip2", "u2"], ["c2"], axis=1),
        make("Conv", ["c2", "k2", "bias"], ["out"], **same),
    ]
    sides = {"deep": (4, 4), "skip1": (2, 8), "skip2": (2, 16)}
    rng = np.random.default_rng(1)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, 1, [1, c, side, side]) for name, (c, side) in sides.items()],
        [helper.make_tensor_value_info("out", 1, ["n", "c", "h", "w"])],
        [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), name) for name, s in kernels.items()],
    )
    change(graph)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def given() -> dict[str, np.ndarray]:
    shapes = {"deep": (1, 4, 4, 4), "skip1": (1, 2, 8, 8), "skip2": (1, 2, 16, 16)}
    return {name: RNG.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def replaced(name: str, shape: tuple[int, ...]) -> Change:
    def change(graph: onnx.GraphProto) -> None:
        tensor = next(each for each in graph.initializer if each.name == name)
        tensor.CopyFrom(numpy_helper.from_array(RNG.normal(size=shape).astype(np.float32), name))

    return change


def grouped(graph: onnx.GraphProto) -> None:
    replaced("k2", (4, 3, 3, 3))(graph)
    graph.node[5].attribute.append(helper.make_attribute("group", 2))


def grouped_up(graph: onnx.GraphProto) -> None:
    replaced("up2", (4, 2, 2, 2))(graph)
    graph.node[3].attribute.append(helper.make_attribute("group", 2))


def shared_kernel(graph: onnx.GraphProto) -> None:
    graph.node[5].input[1] = "k1"


def computed(name: str) -> Change:
    def change(graph: onnx.GraphProto) -> None:
        for node in graph.node:
            node.input[:] = [f"{name}.made" if each == name else each for each in node.input]
        graph.node.insert(0, helper.make_node("Identity", [name], [f"{name}.made"]))

    return change


def from_outside(name: str) -> Change:
    """Older graphs let who runs them give other numbers."""

    def change(graph: onnx.GraphProto) -> None:
        shape = next(each.dims for each in graph.initializer if each.name == name)
        graph.input.append(helper.make_tensor_value_info(name, 1, shape))

    return change


def along(axis: int) -> Change:
    """Skip and up-convolution beneath each other."""

    def change(graph: onnx.GraphProto) -> None:
        graph.node[4].attribute[0].i = axis
        graph.node[4].input[0] = "u2"
        replaced("k2", (4, 4, 3, 3))(graph)

    return change


def seen_outside(graph: onnx.GraphProto) -> None:
    graph.output.append(helper.make_tensor_value_info("c2", 1, ["n", "c", "h", "w"]))


def seen_within(graph: onnx.GraphProto) -> None:
    """A graph within the graph takes the concatenation."""
    ways = [
        helper.make_graph([helper.make_node("Identity", ["c2"], [name])], name, [], [made])
        for name in ("yes", "no")
        for made in [helper.make_tensor_value_info(name, 1, ["n", "c", "h", "w"])]
    ]
    graph.initializer.append(numpy_helper.from_array(np.array(True), "choice"))
    graph.node.append(helper.make_node("If", ["choice"], ["chosen"], then_branch=ways[0], else_branch=ways[1]))
    graph.output.append(helper.make_tensor_value_info("chosen", 1, ["n", "c", "h", "w"]))


def resized(graph: onnx.GraphProto) -> None:
    """Another way to grow in the last stage."""
    graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    graph.node[3].CopyFrom(helper.make_node("Resize", ["x1", "", "scales"], ["u2"]))


def activated(graph: onnx.GraphProto) -> None:
    """Something stands between the last concatenation and its convolution."""
    graph.node[5].input[0] = "relu"
    graph.node.insert(5, helper.make_node("Relu", ["c2"], ["relu"]))


def turned(graph: onnx.GraphProto) -> None:
    graph.node[4].input[:] = ["u2", "skip2"]


@pytest.mark.parametrize(
    "change",
    [
        grouped, grouped_up, shared_kernel, computed("k2"), computed("up2"), from_outside("k2"), along(2), along(3),
        seen_outside, seen_within, resized, activated, turned,
    ],
)  # fmt: skip
def test_what_is_not_understood_stays_as_it_is(change: Change) -> None:
    """Nor is an earlier concatenation taken for the last."""
    graph = small_graph(change)
    onnx.checker.check_model(graph)
    assert np.isfinite(outputs(graph, **given())).all(), "the graph runs"
    assert without_last_concat(graph) == graph


def later_concat(graph: onnx.GraphProto) -> None:
    """As maps of several heads are put together."""
    graph.node[5].output[0] = "x2"
    graph.node.append(helper.make_node("Concat", ["x2", "x2"], ["out"], axis=1))


@pytest.mark.parametrize("change", [lambda graph: None, later_concat])
def test_the_last_skip_connection_is_written_as_a_sum(change: Change) -> None:
    before = small_graph(change)
    after = without_last_concat(before)
    assert added(before, after) == {"Add": 1, "Conv": 1, "Concat": -1}
    assert "c1" in [name for node in after.graph.node for name in node.output]
    onnx.checker.check_model(after, full_check=True)
    arrays = given()
    np.testing.assert_allclose(outputs(after, **arrays), outputs(before, **arrays), atol=1e-4)
