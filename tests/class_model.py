"""A model for tests that tells classes without training: what is dark is a nucleus, what is red in it says which."""

from pathlib import Path

import numpy as np

from dark_model import THRESHOLD, dark_network
from nuseg.measure.classes import MAP, ClassCalibration
from nuseg.model.config import Architecture, ModelConfig, Thresholds
from nuseg.model.store import Model, save_config

CLASSES = ("red, or so", "other")
CONFIG = ModelConfig(
    name="red",
    architecture=Architecture(),
    mpp=0.25,
    maps=("mask", "distance", *(MAP + name for name in CLASSES)),
    margin=0,
    stride=1,
    thresholds=Thresholds(mask=0.5, marker=0.5, smoothing=0, min_area_um2=1),
    class_calibration=ClassCalibration(temperature=2.0),
)


def class_network(batch: np.ndarray) -> np.ndarray:
    """Maps of `dark_network`, and red over 128 as the share of the first class, at most 1."""
    share = np.minimum(batch[..., 0].astype(np.float32) / THRESHOLD, 1)
    return np.concatenate([dark_network(batch), np.stack([share, 1 - share], axis=1)], axis=1)


def save_class_model(folder: Path) -> Model:
    """Write a model folder whose ONNX graph does what `class_network` does."""
    from onnx import TensorProto, helper, numpy_helper, save

    folder.mkdir(parents=True, exist_ok=True)
    constants = [
        numpy_helper.from_array(np.array([3], np.int64), "channels"),
        numpy_helper.from_array(np.array(THRESHOLD, np.float32), "threshold"),
        numpy_helper.from_array(np.array([1], np.int64), "first"),
        numpy_helper.from_array(np.array(0, np.int64), "red"),
        numpy_helper.from_array(np.array(1, np.float32), "one"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "channels"], ["mean"], keepdims=0),
        helper.make_node("Less", ["mean", "threshold"], ["dark"]),
        helper.make_node("Cast", ["dark"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "first"], ["map"]),
        helper.make_node("Gather", ["values", "red"], ["plane"], axis=3),
        helper.make_node("Div", ["plane", "threshold"], ["scaled"]),
        helper.make_node("Min", ["scaled", "one"], ["share"]),
        helper.make_node("Sub", ["one", "share"], ["rest"]),
        helper.make_node("Unsqueeze", ["share", "first"], ["first_class"]),
        helper.make_node("Unsqueeze", ["rest", "first"], ["second_class"]),
        helper.make_node("Concat", ["map", "map", "first_class", "second_class"], ["maps"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 4, "h", "w"])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx")
    return save_config(CONFIG, folder)


def picture(shape: tuple[int, int] = (60, 90)) -> np.ndarray:
    """Six dark squares on white: of each row of three the first is not red, the second half so, the third is."""
    pixels = np.full((*shape, 3), 240, np.uint8)
    for row in range(2):
        for column, red in enumerate((0, 60, 128)):
            y, x = 5 + 28 * row, 6 + 28 * column
            pixels[y : y + 16, x : x + 16] = (red, 40, 90)
    return pixels
