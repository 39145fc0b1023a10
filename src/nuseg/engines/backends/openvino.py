"""The ONNX graph on the CPU, by OpenVINO."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuseg.engines.engine import Backend, Engine
from nuseg.engines.fixed_shapes import FixedShapes
from nuseg.engines.graph_file import check_whole
from nuseg.engines.loading import check_maps
from nuseg.engines.maps import quantise
from nuseg.engines.processor import core, has_bf16, products_of_8_bits
from nuseg.engines.threads import available_cores
from nuseg.errors import NusegError
from nuseg.model.config import Precision
from nuseg.model.store import Model
from nuseg.types import RGB

if TYPE_CHECKING:
    import openvino

# Kernels of 8 bits come to ten times their bytes, since each step on the way to 32 bits counts.
USUAL_BYTES, FIXED_SHARE = 64_000_000, 32
LARGE_WINDOW = 4_000_000  # px, from which on it is worth to compile a graph for a shape


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
    arithmetic
        See `nuseg.engines.engine.arithmetic_of`.

    Raises
    ------
    NusegError
        The file is missing or damaged.
    """

    def __init__(self, graph: Path, threads: int | None = None, bf16: bool = False, arithmetic: str = "") -> None:
        from openvino.frontend import FrontEndManager

        self.arithmetic = arithmetic
        check_whole(graph)
        properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or available_cores(),
            # Else every process with one thread takes the first core, whoever computes there.
            "ENABLE_CPU_PINNING": False,
            # Said outright: OpenVINO's own choice may cost accuracy that nobody measured.
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 and has_bf16() else "f32",
        }
        try:
            # Named outright: OpenVINO would try a damaged file as a model of every other kind, and print what it meets.
            reader = FrontEndManager().load_by_framework("onnx")
            network = reader.convert(reader.load(str(graph)))
            size = fixed_bytes(network)
            if size <= USUAL_BYTES + FIXED_SHARE * graph.stat().st_size:
                settle_shapes(network)
                self.compiled = core().compile_model(network, "CPU", properties)
                self._fixed = FixedShapes(network, properties)
                self._had_large = False  # since memory was last given back
                return
        except Exception as error:  # OpenVINO has exceptions of every kind
            raise NusegError(f"{graph}: no ONNX graph that OpenVINO can read: export the model again") from error
        raise NusegError(
            f"{graph}: makes {size:,} bytes of its own {graph.stat().st_size:,}, as no network does: export the model "
            "again"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what it did."""
        why = self._fixed.failure
        return (f"large windows take more memory: OpenVINO failed on the graph of one shape: {why}",) if why else ()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self._had_large |= math.prod(batch.shape[:3]) >= LARGE_WINDOW
        maps: np.ndarray = self.compiled(batch)[0]
        return maps

    def in_bytes(self, window: RGB) -> np.ndarray:
        """Maps of a window as bytes; see `nuseg.engines.engine.ByteEngine`."""
        if window.shape[0] * window.shape[1] >= LARGE_WINDOW and not self._fixed.failure:
            self._had_large = True
            self.compiled.release_memory()
            if (maps := self._fixed(window)) is not None:
                return maps
        self._fixed.release()
        return quantise(self(window[None])[0])

    def window_pixels(self) -> int:
        """How many pixels a window may have; see `nuseg.engines.engine.ByteEngine`."""
        return self._fixed.window_pixels()

    def release(self) -> None:
        """Give back the memory that large windows took; small ones would take theirs anew, again and again."""
        if self._had_large:
            self.compiled.release_memory()
            self._fixed.release()
            self._had_large = False


def fixed_bytes(network: "openvino.Model") -> int:
    """Bytes of all that a graph computes of its own numbers alone, which OpenVINO does before it sees an image."""
    return sum(
        output.get_element_type().size * math.prod(output.get_partial_shape().to_shape())
        for operation in network.get_ordered_ops()
        for output in operation.outputs()
        if output.get_partial_shape().is_static
    )


def settle_shapes(network: "openvino.Model") -> None:
    """Put the shapes in that a graph computes for its own numbers: it is compiled faster, and gives the same maps.

    To fold all that is constant gives others: then more is rounded to 8 bits otherwise.
    """
    import openvino
    from openvino import opset13 as ops

    for operation in network.get_ordered_ops():
        if operation.get_type_name() != "Reshape" or operation.output(0).get_partial_shape().is_dynamic:
            continue
        source, shape = operation.input_value(0).get_node(), operation.output(0).get_shape()
        if source.get_type_name() == "Constant" and source.get_element_type() == openvino.Type.f32:
            folded = ops.constant(np.reshape(source.data, shape)).output(0)
            for user in operation.output(0).get_target_inputs():
                user.replace_source_output(folded)
        else:
            operation.input(1).replace_source_output(ops.constant(np.array(shape)).output(0))
    network.validate_nodes_and_infer_types()


def load(model: Model, _device: str, threads: int | None, precision: Precision | None) -> Engine:
    """Load a model's graph, and check that it gives the maps of its configuration."""
    precision = precision or usual_precision(model)
    graph = model.graph(precision)
    engine = OpenVinoEngine(graph, threads, bf16=precision != "f32", arithmetic=arithmetic_in(precision))
    check_maps(engine, model.config, graph)
    return engine


def arithmetic_in(precision: Precision) -> str:
    """How this CPU computes: in 8 bits sums are rounded, or not, by the instructions that it has."""
    return "cpu f32" if precision == "f32" else f"cpu {precision} {products_of_8_bits()}" + " bf16" * has_bf16()


def usual_precision(model: Model) -> Precision:
    """What a model's configuration says, but for 8 bits on CPUs that have only slow instructions for them."""
    stated = model.config.precision
    return "f32" if stated == "int8" and products_of_8_bits() == "sse" else stated


ENGINE = Backend("openvino", ("cpu",), lambda _device: True, load)
