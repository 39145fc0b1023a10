"""Export to ONNX: the maps of the network for every size, by the fast exporter where that is right."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.errors import NusegError
from nuseg.model import graph as exporters
from nuseg.model.config import Architecture
from nuseg.model.graph import captured, to_onnx, traced
from nuseg.model.network import Network, Wrapped, build_network, network_maps
from nuseg.model.registry import find_heads

SHAPES = [(1, 32, 48), (3, 37, 50), (2, 5, 33), (1, 1, 1)]
TYPED = {"heads": ("mask", "distance", "classes", "offsets"), "classes": ("a", "b", "c")}


def run(graph: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    maps: np.ndarray = session.run(["maps"], {"image": images})[0]
    return maps


def images(n: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (n, height, width, channels), np.uint8)


def trained(network: Network) -> Network:
    """As after training: batch normalisation does something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(preset="unet-small"),
        Architecture(preset="unet-small", in_channels=1, **TYPED),
        Architecture(preset="unet-lite", **TYPED),
    ],
)
def test_fast_export_gives_the_maps_for_every_size(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exporters, "captured", None)
    network = trained(build_network(architecture))
    graph = to_onnx(network)
    onnx.checker.check_model(graph, full_check=True)
    for shape in SHAPES:
        batch = images(*shape, architecture.in_channels)
        np.testing.assert_allclose(run(graph, batch), network_maps(network, batch), atol=2e-6)
    (given,), (maps,) = graph.graph.input, graph.graph.output
    sides = [[dim.dim_param or dim.dim_value for dim in each.type.tensor_type.shape.dim] for each in (given, maps)]
    channels = sum(len(head.channels) for head in network.exported)
    assert sides == [["n", "h", "w", architecture.in_channels], ["n", channels, "h", "w"]]
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)
    kinds = [node.op_type for node in graph.graph.node]
    assert "BatchNormalization" not in kinds, "merged into convolutions"
    assert kinds.count("Pad") == 1, "of the image alone"
    said = capfd.readouterr()
    assert said.out + said.err == ""


class Convolution(nn.Module):
    """With normalisation, as all that follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


class SizeAsNumber(Convolution):
    """The fast exporter writes the size of its example into the graph."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (100 / x.shape.numel())


class UnknownOperation(Convolution):
    """The fast exporter does not know it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.expm1(super().forward(x))


class PooledToSize(Convolution):
    """Neither exporter can write it down where the size of its input is free."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits + F.interpolate(F.adaptive_avg_pool2d(logits, 3), size=x.shape[-2:], mode="bilinear")


class ChoiceBySize(Convolution):
    """Neither can write down both ways."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 if x.shape[-1] > 13 else -1)


def wrapped(body: nn.Module) -> Network:
    return trained(Wrapped(body, 3, find_heads(("mask", "distance")), stride=2, margin=2))


@pytest.mark.parametrize("body", [SizeAsNumber, UnknownOperation])
def test_what_the_fast_exporter_cannot_do_the_other_does(
    body: type[nn.Module], capfd: pytest.CaptureFixture[str]
) -> None:
    network = wrapped(body())
    graph = to_onnx(network)
    for shape in SHAPES:
        np.testing.assert_allclose(run(graph, images(*shape)), network_maps(network, images(*shape)), atol=2e-6)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("body", [PooledToSize, ChoiceBySize])
def test_a_network_without_a_right_graph_is_refused(body: type[nn.Module]) -> None:
    words = r"^network: expected one .* ONNX graph .*, found .* \(.*\): leave out"
    with pytest.raises(NusegError, match=words) as raised:
        to_onnx(wrapped(body()))
    assert "\n" not in str(raised.value)


def test_both_exporters_give_the_same_bytes() -> None:
    network = wrapped(Convolution())
    graphs = traced(network), captured(network)
    for shape in SHAPES:
        fast, other = (run(graph, images(*shape)) for graph in graphs)
        np.testing.assert_array_equal(fast, other)


def test_a_graph_of_other_maps_is_noticed() -> None:
    network = wrapped(Convolution())
    graph = traced(network)
    assert exporters.gives_the_maps(graph, network)
    with torch.no_grad():
        network.body.layers[1].bias += 0.1
    assert not exporters.gives_the_maps(graph, network)
