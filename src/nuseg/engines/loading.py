"""What runs the network: OpenVINO on a CPU, PyTorch on CUDA and MPS."""

import os
from pathlib import Path
from typing import Literal

import numpy as np

from nuseg.engines.tta import EightOrientations
from nuseg.errors import NusegError
from nuseg.model.config import ModelConfig, Precision
from nuseg.model.store import Model
from nuseg.segmentation.tiling import Network

Device = Literal["auto", "cpu", "cuda", "mps"]


class OpenVinoEngine:
    """The ONNX graph on the CPU, by OpenVINO.

    Parameters
    ----------
    graph
        ONNX file.
    threads
        CPU threads; None = all that this process may use.
    bf16
        Compute what is in float in bfloat16 where the processor has instructions for it, else in 32 bits.
    """

    def __init__(self, graph: Path, threads: int | None = None, bf16: bool = False) -> None:
        import openvino
        from openvino.frontend import FrontEndManager

        if not graph.is_file():
            raise NusegError(f"{graph}: missing: copy the whole model folder, or export the model again")
        core = openvino.Core()
        properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or available_cores(),
            # Said outright: OpenVINO's own choice may cost accuracy that nobody measured.
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 and has_bf16() else "f32",
        }
        try:
            # Named outright: OpenVINO would try a damaged file as a model of every other kind, and print what it meets.
            reader = FrontEndManager().load_by_framework("onnx")
            self.compiled = core.compile_model(reader.convert(reader.load(str(graph))), "CPU", properties)
        except Exception as error:  # OpenVINO has exceptions of every kind
            raise NusegError(f"{graph}: no ONNX graph that OpenVINO can read: export the model again") from error

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return self.compiled(batch)[0]


class TorchEngine:
    """The network in PyTorch, for GPUs.

    Parameters
    ----------
    model
        With PyTorch weights.
    device
        "cuda", "mps" or "cpu".
    """

    def __init__(self, model: Model, device: str) -> None:
        try:
            import torch

            from nuseg.model.export import load_network
        except ImportError as error:
            raise NusegError(
                f"device {device} needs PyTorch: pip install 'nuseg[train]', or use --device cpu"
            ) from error
        if (device == "cuda" and not torch.cuda.is_available()) or (
            device == "mps" and not torch.backends.mps.is_available()
        ):
            raise NusegError(f"device {device}: PyTorch finds none on this machine: use --device cpu")
        self.network = load_network(model).to(device)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        from nuseg.model.unet import network_maps

        return network_maps(self.network, batch)


def load_engine(
    model: Model, device: Device = "auto", threads: int | None = None, precision: Precision | None = None
) -> Network:
    """Load a model to run on a device.

    Parameters
    ----------
    model
        To run.
    device
        "auto" takes CUDA if PyTorch is installed and finds it, else the CPU.
    threads
        CPU threads; None = all.
    precision
        Of the CPU; None = what the model's configuration says.

    Raises
    ------
    NusegError
        The device is not there, or the model's files are damaged.
    """
    if device == "auto":
        device = "cuda" if cuda_available() else "cpu"
    engine: Network
    if device != "cpu":
        engine = TorchEngine(model, device)
    else:
        precision = precision or model.config.precision
        engine = OpenVinoEngine(model.graph(precision), threads, bf16=precision != "f32")
        check_maps(engine, model.config, model.graph(precision))
    return engine if model.config.orientations == 1 else EightOrientations(engine, model.config.stride)


def check_maps(engine: Network, config: ModelConfig, graph: Path) -> None:
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


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Whether the processor has bfloat16 instructions: OpenVINO's own default tells."""
    import openvino

    return openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16


def cuda_available() -> bool:
    """Whether PyTorch is installed and finds a CUDA device."""
    # A driver's device file is a cheap first test: importing PyTorch takes seconds.
    if not (Path("/dev/nvidiactl").exists() or os.name == "nt"):
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()
