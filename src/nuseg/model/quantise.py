"""The ONNX graph in 8-bit integers: a quarter of the size, and faster on CPUs (post-training, by NNCF)."""

import logging
from collections.abc import Sequence

import nncf
import numpy as np
import onnx


def quantise(graph: onnx.ModelProto, images: Sequence[np.ndarray]) -> onnx.ModelProto:
    """Make the 8-bit graph of a float graph.

    Convolutions get one scale for each output channel. The first convolution, the last expanding stage and the heads
    stay in float: faint stain and the borders of nuclei show every coarse step.

    Parameters
    ----------
    graph
        In float, from `nuseg.model.export.to_onnx`.
    images
        Calibration images `(h, w, 3)` uint8 at the model's resolution; activations' ranges are measured on them.
    """
    logging.getLogger("nncf").setLevel(logging.ERROR)
    quantised: onnx.ModelProto = nncf.quantize(
        graph,
        nncf.Dataset(images, lambda image: {"image": image[None]}),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(images),
        fast_bias_correction=True,
        ignored_scope=nncf.IgnoredScope(names=float_nodes(graph), validate=False),
    )
    return quantised


def float_nodes(graph: onnx.ModelProto) -> list[str]:
    """Names of the nodes that stay in float: the first convolution, and all from the last but two on."""
    nodes = graph.graph.node
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    return [nodes[convolutions[0]].name, *(node.name for node in nodes[convolutions[-3] :])]
