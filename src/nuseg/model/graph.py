"""A network as an ONNX graph, of any height and width."""

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from nuseg.errors import NusegError
from nuseg.model.network import Network, network_maps
from nuseg.text import one_line, shortened

AXES = {"image": ("n", "h", "w", None), "maps": ("n", None, "h", "w")}  # those with a name are free
TOLERANCE = 1e-3  # of maps in 0..1: far above what orders of summation do, far below what a wrong graph does


class Graph(nn.Module):
    """What is exported: bytes in as an image file holds them, maps between 0 and 1 out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network.maps(image.permute(0, 3, 1, 2).float())


def to_onnx(network: Network) -> onnx.ModelProto:
    """Make of a network an ONNX graph with free batch, height and width.

    Parameters
    ----------
    network
        In the state to export.

    Returns
    -------
    onnx.ModelProto
        Its input `image` is `(n, h, w, in_channels)` uint8, its output `maps` `(n, k, h, w)` float32.

    Raises
    ------
    NusegError
        No graph gives the network's maps for images of any size.

    Notes
    -----
    PyTorch has two exporters. The older one writes down what it sees the network do with one image, in a tenth of the
    time. It can miss what depends on the size of the image, and will not be there for ever: then the other one is
    used, which computes with sizes as symbols.
    """
    fault = ""
    for exporter in (traced, captured):
        try:
            graph = exporter(network)
            if gives_the_maps(graph, network):
                return graph
            fault = "its graph gives other maps"
        except Exception as error:  # of many kinds
            fault = one_line(error)
    raise NusegError(
        "network: expected one that can be written as an ONNX graph for images of any size, found that it cannot "
        f"({shortened(fault)}): leave out what needs to know the size of its input, such as pooling to a fixed size"
    )


def traced(network: Network) -> onnx.ModelProto:
    """What the network does with one image, as a graph; sizes that it handles as plain numbers are fixed in it."""
    from onnxscript import ir
    from onnxscript.optimizer import optimize_ir

    free = {name: {i: axis for i, axis in enumerate(axes) if axis} for name, axes in AXES.items()}
    # It warns of being deprecated and of sizes that are fixed, which is seen to, and prints all of a network that it
    # cannot write down.
    quiet = patch.object(torch._C, "_jit_onnx_log", lambda *said: None, create=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), quiet:
        warnings.simplefilter("ignore")
        file = Path(folder) / "graph.onnx"
        torch.onnx.export(
            Graph(network).eval(),
            (example(network),),
            file,
            input_names=["image"],
            output_names=["maps"],
            dynamic_axes=free,
            training=torch.onnx.TrainingMode.PRESERVE,  # normalisation is merged by the optimiser, as in `captured`
            dynamo=False,
        )
        described = ir.serde.deserialize_model(onnx.load(file))
    # By default it keeps arrays that are filled with one number, and with them all paddings.
    optimize_ir(described, should_fold=lambda node: True if node.op_type == "ConstantOfShape" else None)
    graph = ir.serde.serialize_model(described)
    channels = sum(len(head.channels) for head in network.exported)
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = channels
    return without_places(graph)


def captured(network: Network) -> onnx.ModelProto:
    """The network with free sizes, as a graph; where a choice depends on a size, that fails."""
    free = dict.fromkeys((i for i, axis in enumerate(AXES["image"]) if axis), torch.export.Dim.DYNAMIC)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names optional packages that are not installed
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # PyTorch's advice to itself
        program = torch.onnx.export(
            Graph(network).eval(),
            (example(network),),
            input_names=["image"],
            output_names=["maps"],
            dynamic_shapes=(free,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as dynamo=True promises
    return without_places(program.model_proto)


def example(network: Network) -> Tensor:
    """Images to export with: two, since a single one may be taken for any number, of whole strides."""
    return torch.zeros(2, 5 * network.stride, 6 * network.stride, network.in_channels, dtype=torch.uint8)


def gives_the_maps(graph: onnx.ModelProto, network: Network) -> bool:
    """Whether a graph gives the maps of a network, too, for another number of images and sides of no whole stride."""
    import onnxruntime

    shape = (1, 3 * network.stride + 1, 7 * network.stride - 1, network.in_channels)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it cannot run is no matter for the user
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    maps, expected = session.run(["maps"], {"image": images})[0], network_maps(network, images)
    return maps.shape == expected.shape and np.allclose(maps, expected, rtol=0, atol=TOLERANCE, equal_nan=True)


def without_places(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out where in this machine's files each operation was written."""
    for node in graph.graph.node:
        del node.metadata_props[:]
    return graph
