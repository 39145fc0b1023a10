"""The network in PyTorch, for GPUs."""

import copy
import os
import warnings
from pathlib import Path

from nuseg.engines.devices import kind_of, number_of
from nuseg.engines.engine import Backend, Engine
from nuseg.engines.feeder import LAUNCH_PIXELS, BatchFeeder
from nuseg.errors import NusegError
from nuseg.model.config import Precision
from nuseg.model.store import Model
from nuseg.text import one_line

ONE_WINDOW = 1  # px of a batch: one window is always tried


def load(model: Model, device: str, _threads: int | None, precision: Precision | None) -> Engine:
    """Load a model's weights on one device, or on all of a kind.

    Parameters
    ----------
    model
        With PyTorch weights.
    device
        "cuda" for all GPUs that PyTorch sees, "cuda:1" for one, "mps".
    precision
        "f32" computes in 32 bits; else in 16 where the device is faster in them.

    Raises
    ------
    NusegError
        PyTorch or the device is missing, or the weights.
    """
    try:
        from nuseg.engines.torch_device import TorchDevice, half_of
        from nuseg.model.export import load_network
    except (ImportError, OSError) as error:  # OSError: a library of PyTorch's own is missing
        raise NusegError(f"device='{device}' needs PyTorch: pip install 'nuseg[train]', or use device='cpu'") from error
    if not is_there(device):
        raise NusegError(f"device='{device}': PyTorch finds no such device on this machine; use device='cpu'")
    network = load_network(model)
    half = None if precision == "f32" else half_of
    try:
        devices = [TorchDevice(copy.deepcopy(network), name, half and half(name)) for name in names_of(device)]
    except RuntimeError as error:
        raise NusegError(f"device='{device}': cannot be used ({one_line(error):.200}); use device='cpu'") from error
    # A batch that is not full costs what a full one does, which only large GPUs have to spare.
    return BatchFeeder(devices, LAUNCH_PIXELS if kind_of(device) == "cuda" else ONE_WINDOW)


def names_of(device: str) -> list[str]:
    """The devices that are meant, by PyTorch's names: of "cuda" all that it sees."""
    import torch

    if device == "cuda":
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [device]


def is_there(device: str) -> bool:
    """Whether PyTorch finds a CUDA or an MPS device, and one of this number."""
    import torch

    kind, number = kind_of(device), number_of(device) or 0
    with warnings.catch_warnings():  # of a driver that is missing or old: the answer says it
        warnings.simplefilter("ignore")
        if kind == "cuda":
            return torch.cuda.is_available() and number < torch.cuda.device_count()
        return torch.backends.mps.is_available() and number == 0


def available(device: str) -> bool:
    """Whether PyTorch is installed and finds the device."""
    # A driver's device file is a cheap first test: importing PyTorch takes seconds.
    if kind_of(device) == "cuda" and not (Path("/dev/nvidiactl").exists() or os.name == "nt"):
        return False
    try:
        return is_there(device)
    except (ImportError, OSError):
        return False


ENGINE = Backend("pytorch", ("cuda", "mps"), available, load)
