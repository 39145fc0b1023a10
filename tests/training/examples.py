"""Validation images made of maps alone."""

import numpy as np

from nuseg.engines.maps import quantise
from nuseg.model.config import Architecture, ModelConfig
from nuseg.training.tune import Example


def as_example(
    maps: np.ndarray, labels: np.ndarray, mpp: float, dataset: str, ignore: np.ndarray | None = None
) -> Example:
    """A grey image at the model's own resolution with these maps `(2, h, w)` in 0..1."""
    model = ModelConfig(name="test", architecture=Architecture(), mpp=mpp, margin=0)
    return Example(np.full((*labels.shape, 3), 128, np.uint8), quantise(maps), labels, mpp, dataset, model, ignore)
