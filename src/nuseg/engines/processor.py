"""What the CPU computes fast, as OpenVINO finds it: the same on every system, and also where it is held back."""

import functools
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import openvino

Products = Literal["vnni", "avx2", "sse", "unknown"]
"""How the CPU adds up products of 8 bits: in one instruction (VNNI or AMX), by AVX2 or AVX512 in 16 bits, or by SSE
alone, slower than 32 bits; unknown where OpenVINO has other kernels, such as on ARM."""

WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")  # as oneDNN names them
CHANNELS, SIDE = 32, 16  # of the probe: enough for the kernels of large networks


@functools.cache
def core() -> "openvino.Core":
    """The one OpenVINO of this process.

    Each one that computes on the CPU gives its thread a stack for signals, and takes it back when it goes. Of two that
    go in the order they came, the thread keeps the stack of the first, which is free memory by then: the next signal,
    as Ctrl-C or the end of a child process, kills the process.
    """
    import openvino

    return openvino.Core()


def has_bf16() -> bool:
    """Whether the processor has bfloat16 instructions: OpenVINO's own default tells.

    Where oneDNN is held to older instructions, that default says what the processor could, and computing so crashes.
    """
    import openvino

    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in WITHOUT_BF16:
        return False
    return bool(core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16)


@functools.cache
def products_of_8_bits() -> Products:
    """How this CPU adds up products of 8 bits: the kernels that OpenVINO takes for a small network tell."""
    properties = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core().compile_model(small_network(), "CPU", properties)
    facts = [operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops()]
    return products_by(fact["primitiveType"].astype(str) for fact in facts if "primitiveType" in fact)


def products_by(kernels: Iterable[str]) -> Products:
    """Say how products are added up, by the names of OpenVINO's kernels for `small_network`."""
    eight = [name for name in kernels if re.search("(sse|avx|amx).*_i8$", name, re.IGNORECASE)]
    # Without VNNI oneDNN has none of its newer kernels ("brgconv") for depthwise convolutions, and with AVX2 no others.
    if any("amx" in name or "brgconv_avx2" in name or ("brgconv" in name and "_dw_" in name) for name in eight):
        return "vnni"
    if any("avx" in name for name in eight):
        return "avx2"
    return "sse" if eight else "unknown"


def small_network() -> "openvino.Model":
    """A network of 8 bits: a pointwise, a depthwise and another pointwise convolution."""
    import openvino
    from openvino import opset13 as ops

    def quantised(x: "openvino.Node", shape: tuple[int, ...]) -> tuple["openvino.Node", "openvino.Node"]:
        ends = (np.float32(0), np.float32(255))
        scale = ops.constant(np.full((1,) * len(shape), 0.01, np.float32))
        kernel = ops.multiply(ops.convert(ops.constant(np.ones(shape, np.int8)), "f32"), scale)
        return ops.fake_quantize(x, *ends, *ends, 256), kernel

    def pointwise(x: "openvino.Node") -> "openvino.Node":
        return ops.convolution(*quantised(x, (CHANNELS, CHANNELS, 1, 1)), [1, 1], [0, 0], [0, 0], [1, 1])

    image = ops.parameter([1, CHANNELS, SIDE, SIDE], np.float32)
    filtered = ops.group_convolution(
        *quantised(pointwise(image), (CHANNELS, 1, 1, 3, 3)), [1, 1], [1, 1], [1, 1], [1, 1]
    )
    return openvino.Model([pointwise(filtered)], [image], "probe")
