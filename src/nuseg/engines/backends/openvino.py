"""The ONNX graph on the CPU, by OpenVINO."""

from pathlib import Path

import numpy as np

from nuseg.engines.engine import Backend, Engine
from nuseg.engines.loading import available_cores, check_maps, has_bf16
from nuseg.errors import NusegError
from nuseg.model.config import Precision
from nuseg.model.store import Model


class OpenVinoEngine:
    """An ONNX graph on the CPU.

    Parameters
    ----------
    graph
        ONNX file.
    threads
        CPU threads; None = all that this process may use.
    bf16
        Compute what is in float in bfloat16 where the processor has instructions for it, else in 32 bits.

    Raises
    ------
    NusegError
        The file is missing or damaged.
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
        maps: np.ndarray = self.compiled(batch)[0]
        return maps


def load(model: Model, _device: str, threads: int | None, precision: Precision | None) -> Engine:
    """Load a model's graph, and check that it gives the maps of its configuration."""
    precision = precision or model.config.precision
    graph = model.graph(precision)
    engine = OpenVinoEngine(graph, threads, bf16=precision != "f32")
    check_maps(engine, model.config, graph)
    return engine


ENGINE = Backend("openvino", ("cpu",), lambda _device: True, load)
