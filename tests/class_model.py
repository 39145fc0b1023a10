"""A model for tests that tells classes without training: what is dark is a nucleus, what is red in it says which."""

from pathlib import Path

import numpy as np

from dark_model import THRESHOLD, dark_network, save_graph_model
from nuseg.measure.classes import MAP, ClassCalibration
from nuseg.model.config import Architecture, ModelConfig, Thresholds
from nuseg.model.store import Model

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
    from onnx import helper

    nodes = [
        helper.make_node("Gather", ["values", "red"], ["plane"], axis=3),
        helper.make_node("Div", ["plane", "threshold"], ["scaled"]),
        helper.make_node("Min", ["scaled", "one"], ["share"]),
        helper.make_node("Sub", ["one", "share"], ["rest"]),
        helper.make_node("Unsqueeze", ["share", "first"], ["first_class"]),
        helper.make_node("Unsqueeze", ["rest", "first"], ["second_class"]),
    ]
    given = {"red": np.array(0, np.int64), "one": np.array(1, np.float32)}
    return save_graph_model(folder, CONFIG, nodes, ("first_class", "second_class"), **given)


def picture(shape: tuple[int, int] = (60, 90)) -> np.ndarray:
    """Six dark squares on white: of each row of three the first is not red, the second half so, the third is."""
    pixels = np.full((*shape, 3), 240, np.uint8)
    for row in range(2):
        for column, red in enumerate((0, 60, 128)):
            y, x = 5 + 28 * row, 6 + 28 * column
            pixels[y : y + 16, x : x + 16] = (red, 40, 90)
    return pixels
