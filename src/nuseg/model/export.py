"""A trained network to a model folder: ONNX graph, weights, configuration. Kernels are stored in 16 bits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.model.config import ModelConfig
from nuseg.model.graph import to_onnx
from nuseg.model.network import Network, build_network
from nuseg.model.store import GRAPH_FILE, INT8_FILE, WEIGHTS_FILE, Model, save_config
from nuseg.model.torch_file import TorchFileError, load_tensors, save_tensors
from nuseg.text import one_line, shortened


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
