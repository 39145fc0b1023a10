"""A trained network to a model folder: ONNX graph, weights, configuration. Kernels are stored in 16 bits."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.model.config import ModelConfig
from nuseg.model.network import Network, build_network
from nuseg.model.store import GRAPH_FILE, INT8_FILE, WEIGHTS_FILE, Model, save_config
from nuseg.model.torch_file import TorchFileError, load_tensors, save_tensors
from nuseg.text import one_line, shortened


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
    """
    example = torch.zeros(2, 5 * network.stride, 6 * network.stride, network.in_channels, dtype=torch.uint8)
    free = dict.fromkeys((0, 1, 2), torch.export.Dim.DYNAMIC)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names optional packages that are not installed
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # PyTorch's advice to itself
        program = torch.onnx.export(
            Graph(network).eval(),
            (example,),
            input_names=["image"],
            output_names=["maps"],
            dynamic_shapes=(free,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as dynamo=True promises
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in this machine's files each operation was written
    return graph


def halve_kernels(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Store the kernels of a graph in 16 bits; it computes in 32 bits as before."""
    body, casts = graph.graph, []
    for tensor in body.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
            name, half = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *body.node]
    del body.node[:]
    body.node.extend(nodes)
    return graph


def save_model(network: Network, config: ModelConfig, folder: Path, calibration: Sequence[np.ndarray] = ()) -> Model:
    """Write a whole model folder.

    Parameters
    ----------
    network
        Trained.
    config
        All but the checksums.
    folder
        Made if missing.
    calibration
        Images to make an 8-bit graph with, as in `quantise`; without them there is none.
    """
    network = network.cpu().float().eval()
    weights = {name: value.half() if value.ndim > 1 else value for name, value in network.state_dict().items()}
    network.load_state_dict(weights)  # what is exported is what is stored, rounding and all
    save_tensors(weights, folder / WEIGHTS_FILE)
    graph = to_onnx(network)
    if calibration:
        from nuseg.model.quantise import quantise

        with atomic_path(folder / INT8_FILE) as temporary:
            onnx.save(quantise(graph, calibration), temporary)
    with atomic_path(folder / GRAPH_FILE) as temporary:
        onnx.save(halve_kernels(graph), temporary)
    return save_config(config, folder)


def load_network(model: Model) -> Network:
    """Build a model's PyTorch network with its weights.

    Raises
    ------
    NusegError
        The model has no PyTorch weights, or they do not fit its architecture.
    """
    if not model.weights.is_file():
        raise NusegError(f"{model.weights}: missing: this model can segment, but not be trained on or run by PyTorch")
    network = build_network(model.config.architecture)
    try:
        network.load_state_dict(load_tensors(model.weights))
    except (TorchFileError, RuntimeError) as error:
        raise NusegError(
            f"{model.weights}: does not fit preset {shortened(model.config.architecture.preset)}: damaged? "
            f"({shortened(one_line(error))})"
        ) from error
    return network.eval()
