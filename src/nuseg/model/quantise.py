"""The ONNX graph in 8-bit integers: a quarter of the size, and faster on CPUs (post-training, by NNCF)."""

import logging
from collections import Counter
from collections.abc import Sequence

import nncf
import numpy as np
import onnx
from onnx import helper, numpy_helper

UP = "ConvTranspose"


def quantise(graph: onnx.ModelProto, images: Sequence[np.ndarray]) -> onnx.ModelProto:
    """Make the 8-bit graph of a float graph.

    Convolutions get one scale for each output channel. The first convolution, the last expanding stage with its
    up-convolution, and the heads stay in float: faint stain and the borders of nuclei show every coarse step. The
    concatenation of that stage, where a network needs most memory, is written as a sum; see `without_last_concat`.

    Parameters
    ----------
    graph
        In float, from `nuseg.model.export.to_onnx`.
    images
        Calibration images `(h, w, 3)` uint8 at the model's resolution; activations' ranges are measured on them.
    """
    logging.getLogger("nncf").setLevel(logging.ERROR)
    graph = without_last_concat(graph)
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
    last = ups[-1] if ups else convolutions[-3]
    return [nodes[convolutions[0]].name, *(node.name for node in nodes[last:])]


def without_last_concat(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Write the convolution of the last skip connection as the sum of one of the skip and one of the up-convolution.

    That is the same, and what both are put together in, the largest array of all, is never made. Kernels must be in
    32 bits, and each computed from no other: as `nuseg.model.export.to_onnx` writes them. A graph without such a
    concatenation stays as it is.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    body = changed.graph
    kernels = {tensor.name: tensor for tensor in body.initializer}
    makers = {name: node for node in body.node for name in node.output}
    users = Counter(name for node in body.node for name in node.input)
    for place, node in reversed(list(enumerate(body.node))):
        concat = makers.get(node.input[0]) if node.op_type == "Conv" else None
        if concat is None or concat.op_type != "Concat" or users[concat.output[0]] > 1 or len(concat.input) != 2:
            continue
        skip, up = concat.input
        if up not in makers or makers[up].op_type != UP:
            continue
        kernel = numpy_helper.to_array(kernels[node.input[1]])
        skipped = kernel.shape[1] - kernels[makers[up].input[1]].dims[1]
        parts = kernel[:, :skipped], kernel[:, skipped:]
        names = [f"{node.name}.skip", f"{node.name}.up"]
        body.initializer.extend(
            numpy_helper.from_array(np.ascontiguousarray(part), f"{name}.kernel")
            for part, name in zip(parts, names, strict=True)
        )
        options = {option.name: helper.get_attribute_value(option) for option in node.attribute}
        given = [skip, f"{names[0]}.kernel"], [up, f"{names[1]}.kernel", *node.input[2:]]
        convolved = [
            helper.make_node("Conv", inputs, [f"{name}.sum"], name, **options)
            for inputs, name in zip(given, names, strict=True)
        ]
        added = helper.make_node("Add", [f"{name}.sum" for name in names], list(node.output), f"{node.name}.add")
        nodes = [*body.node[:place], *convolved, added, *body.node[place + 1 :]]
        nodes.remove(concat)
        body.initializer.remove(kernels[node.input[1]])
        del body.node[:]
        body.node.extend(nodes)
        break
    return changed
