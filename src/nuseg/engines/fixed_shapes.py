"""Graphs compiled for windows of one shape, for large windows.

OpenVINO plans the memory of a graph whose shapes it knows: arrays that are not needed at the same time share their
place. Of a graph of any shape it does so only in part, which takes twice as much. The layers that take most are made in
bands; see `nuseg.engines.bands`. To compile a graph takes as long as the network takes for about four megapixels.

Not every graph that runs with any shape can be given one, or tells what it takes: then it runs as it is.
"""

import io
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nuseg.engines.bands import FineLayers, find_fine_layers
from nuseg.engines.maps import FULL_MAP
from nuseg.engines.processor import core
from nuseg.text import one_line
from nuseg.types import RGB

if TYPE_CHECKING:
    import openvino

WINDOW_BYTES = 800_000_000  # that a window may take
BESIDE = 8  # bytes per pixel of a window that lie beside what the graph computes: the window, its maps, gaps
PROBE = 512  # px
KEPT_BYTES = 64_000_000  # of graphs for other shapes
Made = TypeVar("Made")


class FixedShapes:
    """A graph that gives maps as bytes, compiled for the shape that came last.

    It takes some 50 MB for itself, beside what it computes in. Of those of other shapes some MB are kept, of which they
    are made again in a seventh of the time that it takes to compile them.

    Parameters
    ----------
    network
        Graph of any shape.
    properties
        How to compile it.

    Attributes
    ----------
    failure : str
        Why OpenVINO could not compile, measure or run it: then there are no maps from here. Empty until then.
    """

    def __init__(self, network: "openvino.Model", properties: dict[str, Any]) -> None:
        self.failure = ""
        self._given, self._properties = network, properties
        self._shape: tuple[int, ...] | None = None
        self._compiled: openvino.CompiledModel | None = None
        self._kept: dict[tuple[int, ...], io.BytesIO] = {}  # the one that was used last is the last
        self._pixels: int | None = None

    def __call__(self, window: RGB) -> np.ndarray | None:
        """Maps of a window `(h, w, 3)` uint8: `(k, h, w)` uint8; None where it does not work."""
        return self._tried(lambda: self._maps(window))

    def release(self) -> None:
        """Give the memory back that the last window took."""
        if self._compiled is not None:
            self._compiled.release_memory()

    def window_pixels(self) -> int:
        """How many pixels a window may have in the memory that is meant for it, by what a small one takes.

        0 where it does not work.
        """
        if self._pixels is None:
            self._pixels = self._tried(self._measured)
        return 0 if self.failure else self._pixels or 0

    def _tried(self, step: Callable[[], Made]) -> Made | None:
        try:
            return None if self.failure else step()
        # OpenVINO has exceptions of every kind; what is wrong with a window, the other graph says.
        except Exception as error:
            self.failure, self._compiled = one_line(error) or type(error).__name__, None
            return None

    def _maps(self, window: RGB) -> np.ndarray:
        # What a request holds, window and maps, is its own and would stay with it.
        request = self._compiled_for(window.shape).create_infer_request()
        maps: np.ndarray = request.infer(window[None], share_inputs=True)[0][0]
        return maps

    def _measured(self) -> int:
        return int(WINDOW_BYTES / (self._least[1] / PROBE**2 + BESIDE))

    def _compiled_for(self, shape: tuple[int, ...]) -> "openvino.CompiledModel":
        """Compile the graph for a shape, or take that of the last window."""
        if self._compiled is None or self._shape != shape:
            self._compiled = None  # before the next one is made
            self._shape, self._compiled = shape, self._made(shape)
        return self._compiled

    def _made(self, shape: tuple[int, ...]) -> "openvino.CompiledModel":
        """Make the graph for a shape again of what is kept of it, or compile it."""
        kept = self._kept.pop(shape, None)
        if kept is None:
            compiled = self._compile(shape)
            kept = compiled.export_model()
        else:
            kept.seek(0)
            compiled = core().import_model(kept, "CPU", self._properties)
        self._kept[shape] = kept
        while sum(each.getbuffer().nbytes for each in self._kept.values()) > KEPT_BYTES:
            del self._kept[next(iter(self._kept))]
        return compiled

    def _compile(self, shape: tuple[int, ...]) -> "openvino.CompiledModel":
        layers = self._least[0]
        return self._compiled_network((layers and layers.in_bands(self._shaped(shape))) or self._shaped(shape))

    def _compiled_network(self, network: "openvino.Model") -> "openvino.CompiledModel":
        return core().compile_model(network, "CPU", self._properties)

    def _shaped(self, shape: tuple[int, ...]) -> "openvino.Model":
        network = self._network.clone()
        network.reshape({0: [1, *shape]})
        return network

    @cached_property
    def _network(self) -> "openvino.Model":
        return with_bytes_out(self._given)

    @cached_property
    def _least(self) -> tuple[FineLayers | None, int]:
        """What to compute in bands, None where that takes no less memory; and the bytes that a small window takes."""
        whole = self._shaped((PROBE, PROBE, 3))
        layers = find_fine_layers(whole, PROBE)
        ways = [(None, whole), (layers, layers and layers.in_bands(self._shaped((PROBE, PROBE, 3))))]

        def needed(way: tuple[FineLayers | None, "openvino.Model"]) -> tuple[FineLayers | None, int]:
            return way[0], bytes_at_once(self._compiled_network(way[1]).get_runtime_model())

        with ThreadPoolExecutor() as threads:
            return min(threads.map(needed, [way for way in ways if way[1] is not None]), key=lambda way: way[1])


def with_bytes_out(network: "openvino.Model") -> "openvino.Model":
    """Make a graph give bytes, as `nuseg.engines.maps.quantise` makes them of what it gives.

    Each operation gets a name of its own, which files do not promise.
    """
    import openvino
    from openvino import opset13 as ops

    network = network.clone()
    maps = ops.convert(network.output(0).get_node().input_value(0), "f32")
    scaled = ops.multiply(ops.clamp(maps, 0.0, 1.0), ops.constant(np.float32(FULL_MAP)))
    made = [ops.convert(ops.round(scaled, "half_to_even"), "u8")]
    network = openvino.Model(made, network.get_parameters(), "bytes")
    for number, operation in enumerate(network.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()} {number}")
    return network


def bytes_at_once(compiled: "openvino.Model") -> int:
    """Bytes of all arrays that are needed at the same time, at most, by what OpenVINO says of a compiled graph."""
    nodes = [node for node in compiled.get_ordered_ops() if node.get_output_size()]
    place = {node.get_friendly_name(): number for number, node in enumerate(nodes)}
    change = np.zeros(len(nodes) + 1, np.int64)
    for number, node in enumerate(nodes):
        facts = node.get_rt_info()
        if facts["layerType"].astype(str) == "Const":
            continue
        kinds = facts["outputPrecisions"].astype(str).split(",")  # one for all outputs where they are alike
        for output, kind in zip_longest(node.outputs(), kinds, fillvalue=kinds[0]):
            users = (place.get(user.get_node().get_friendly_name(), number) for user in output.get_target_inputs())
            size = math.prod(output.get_partial_shape().to_shape()) * bytes_of(kind)
            change[number] += size
            change[max(users, default=number) + 1] -= size
    return int(np.cumsum(change).max())


def bytes_of(kind: str) -> int:
    """Bytes of a number, by OpenVINO's name of its type, such as "bf16"."""
    bits = re.search(r"\d+$", kind)
    return max(1, int(bits.group()) // 8) if bits else 1
