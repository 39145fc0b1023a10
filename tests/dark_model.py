"""A model for tests that needs no training: what is dark is a nucleus. A real ONNX graph, run by the real engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.model.config import Architecture, ModelConfig, Thresholds
from nuseg.model.store import Model, save_config

THRESHOLD = 128
CONFIG = ModelConfig(
    name="dark",
    architecture=Architecture(),
    mpp=0.25,
    margin=0,
    stride=1,
    thresholds=Thresholds(mask=0.5, marker=0.5, smoothing=0, min_area_um2=1),
)


def dark_network(batch: np.ndarray) -> np.ndarray:
    """Mask probability and distance, 1 where the mean of the channels is below the threshold, else 0."""
    red, green, blue = (batch[..., channel].astype(np.int32) for channel in range(3))  # many times as fast as `mean`
    dark = red + green + blue < 3 * THRESHOLD
    return np.stack([dark, dark], axis=1).astype(np.float32)


def save_dark_model(folder: Path) -> Model:
    """Write a model folder whose ONNX graph does what `dark_network` does."""
    return save_graph_model(folder, CONFIG)


def save_graph_model(
    folder: Path, config: ModelConfig, nodes: Sequence[Any] = (), further: Sequence[str] = (), **given: np.ndarray
) -> Model:
    """Write a model folder whose ONNX graph gives mask and distance as `dark_network`, then further maps.

    Nodes that make these may use the image as `values`, and constants that are given by their names.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    folder.mkdir(parents=True, exist_ok=True)
    constants = [
        numpy_helper.from_array(np.array([3], np.int64), "channels"),
        numpy_helper.from_array(np.array(THRESHOLD, np.float32), "threshold"),
        numpy_helper.from_array(np.array([1], np.int64), "first"),
        *(numpy_helper.from_array(value, name) for name, value in given.items()),
    ]
    steps = [
        helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "channels"], ["mean"], keepdims=0),
        helper.make_node("Less", ["mean", "threshold"], ["dark"]),
        helper.make_node("Cast", ["dark"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "first"], ["map"]),
        *nodes,
        helper.make_node("Concat", ["map", "map", *further], ["maps"], axis=1),
    ]
    graph = helper.make_graph(
        steps,
        config.name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 2 + len(further), "h", "w"])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx")
    return save_config(config, folder)


def save_trainable_model(folder: Path, mpp: float) -> Model:
    """Write a model folder with the graph of `save_dark_model`, and weights of a small network to train on from."""
    import torch

    from nuseg.model.network import build_network
    from nuseg.model.store import WEIGHTS_FILE
    from nuseg.model.torch_file import save_tensors

    save_dark_model(folder)
    torch.manual_seed(0)
    architecture = Architecture(preset="unet-small", heads=("mask", "distance"))
    network = build_network(architecture)
    save_tensors(network.state_dict(), folder / WEIGHTS_FILE)
    shape = {"stride": network.stride, "margin": network.margin}
    return save_config(CONFIG.model_copy(update={"architecture": architecture, "mpp": mpp, **shape}), folder)
