"""The ONNX graph in 8-bit integers: a quarter of the size, and faster on CPUs (post-training, by NNCF)."""

import logging
from collections.abc import Sequence

import nncf
import numpy as np
import onnx

UP = "ConvTranspose"


def quantise(graph: onnx.ModelProto, images: Sequence[np.ndarray]) -> onnx.ModelProto:
    """Make the 8-bit graph of a float graph.

    Convolutions get one scale for each output channel. The first convolution, the last expanding stage with its
    up-convolution, and the heads stay in float: faint stain and the borders of nuclei show every coarse step.

    Parameters
    ----------
    graph
        In float, from `nuseg.model.graph.to_onnx`.
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
    """Names of the nodes that stay in float: the first convolution, and all from the last up-convolution on.

    Networks that grow in another way than by up-convolutions: all from the last convolution but two on.
    """
    nodes = graph.graph.node
    convolutions, ups = ([i for i, node in enumerate(nodes) if node.op_type == kind] for kind in ("Conv", UP))
    last = next(iter(ups[-1:] or convolutions[-3:]), len(nodes))
    return [node.name for node in (*(nodes[i] for i in convolutions[:1]), *nodes[last:])]
