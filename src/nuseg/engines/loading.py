"""From a model to the engine that runs it on a device."""

from pathlib import Path

import numpy as np

from nuseg.engines.devices import kind_of
from nuseg.engines.engine import Backend, Engine
from nuseg.engines.registry import engines
from nuseg.engines.tta import EightViews
from nuseg.errors import NusegError
from nuseg.model.config import ModelConfig, Precision
from nuseg.model.store import Model
from nuseg.text import shortened

Device = str
"""Where a network runs: "auto", or a device that an engine serves, such as "cpu", "cuda", "cuda:1" or "mps"."""


def load_engine(
    model: Model, device: Device = "auto", threads: int | None = None, precision: Precision | None = None
) -> Engine:
    """Load a model to run on a device.

    Parameters
    ----------
    model
        To run.
    device
        One that an engine serves; "auto" takes CUDA if PyTorch is installed and finds it, else the CPU. "cuda" is all
        GPUs that PyTorch sees, "cuda:0" one.
    threads
        CPU threads; None = all.
    precision
        None = on a CPU what the model's configuration says, unless the processor has no fast instructions for it; on
        a GPU 16 bits where these are faster.

    Raises
    ------
    NusegError
        No engine serves the device, it is not there, or the model's files are damaged.
    """
    device = choose_device(device)
    backends = serving(device)
    if not backends:
        raise NusegError(f"device={shortened(device)}: expected auto or one of {', '.join(known_devices())}")
    # Where none is available, the first says why.
    chosen = next((backend for backend in backends if backend.available(device)), backends[0])
    engine = chosen.load(model, device, threads, precision)
    return engine if model.config.orientations == 1 else EightViews(engine, model.config.stride)


def choose_device(device: Device = "auto") -> Device:
    """Say what "auto" is on this machine: CUDA if an engine finds it, else the CPU."""
    if device != "auto":
        return device
    return "cuda" if any(backend.available("cuda") for backend in serving("cuda")) else "cpu"


def serving(device: str) -> list[Backend]:
    """The engines that serve a device, nuseg's own first."""
    return [backend for backend in engines.values() if kind_of(device) in backend.devices]


def known_devices() -> list[str]:
    """The kinds of devices that engines serve."""
    return list(dict.fromkeys(device for backend in engines.values() for device in backend.devices))


def check_maps(engine: Engine, config: ModelConfig, graph: Path) -> None:
    """Run a small empty image through a graph, and refuse it if its maps are not those of the configuration.

    Raises
    ------
    NusegError
        The graph cannot be run on an image, or gives maps of another shape.
    """
    height, width = 2 * config.stride, 3 * config.stride
    batch = np.zeros((1, height, width, config.architecture.in_channels), np.uint8)
    expected = (1, len(config.maps), height, width)
    try:
        maps = engine(batch)
    except Exception as error:  # OpenVINO has exceptions of every kind
        raise NusegError(
            f"{graph}: cannot be run on an image of shape {batch.shape}: export the model again"
        ) from error
    if maps.shape != expected:
        raise NusegError(
            f"{graph}: expected maps of shape {expected} ({', '.join(config.maps)}) of an image of shape "
            f"{batch.shape}, found {maps.shape}: export the model again"
        )
