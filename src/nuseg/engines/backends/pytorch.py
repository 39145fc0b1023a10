"""The network in PyTorch, for GPUs."""

import os
import warnings
from pathlib import Path

import numpy as np

from nuseg.engines.engine import Backend, Engine
from nuseg.errors import NusegError
from nuseg.model.config import Precision
from nuseg.model.store import Model
from nuseg.text import one_line


class TorchEngine:
    """A model's PyTorch weights on a device.

    Parameters
    ----------
    model
        With PyTorch weights.
    device
        "cuda" or "mps".

    Raises
    ------
    NusegError
        PyTorch or the device is missing, or the weights.
    """

    def __init__(self, model: Model, device: str) -> None:
        try:
            from nuseg.model.export import load_network
        except (ImportError, OSError) as error:  # OSError: a library of PyTorch's own is missing
            raise NusegError(
                f"device='{device}' needs PyTorch: pip install 'nuseg[train]', or use device='cpu'"
            ) from error
        if not is_there(device):
            raise NusegError(f"device='{device}': PyTorch finds no such device on this machine; use device='cpu'")
        network = load_network(model)
        try:
            self.network = network.to(device)
        except RuntimeError as error:
            raise NusegError(f"device='{device}': cannot be used ({one_line(error):.200}); use device='cpu'") from error

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        from nuseg.model.network import network_maps

        return network_maps(self.network, batch)


def is_there(device: str) -> bool:
    """Whether PyTorch finds a CUDA or an MPS device."""
    import torch

    with warnings.catch_warnings():  # of a driver that is missing or old: the answer says it
        warnings.simplefilter("ignore")
        return torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()


def available(device: str) -> bool:
    """Whether PyTorch is installed and finds the device."""
    # A driver's device file is a cheap first test: importing PyTorch takes seconds.
    if device == "cuda" and not (Path("/dev/nvidiactl").exists() or os.name == "nt"):
        return False
    try:
        return is_there(device)
    except (ImportError, OSError):
        return False


def load(model: Model, device: str, _threads: int | None, _precision: Precision | None) -> Engine:
    """Load a model's weights."""
    return TorchEngine(model, device)


ENGINE = Backend("pytorch", ("cuda", "mps"), available, load)
