"""The ONNX graph in 8-bit integers: a quarter of the size, and faster on CPUs (post-training, by NNCF)."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

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
        In float, from `nuseg.model.graph.to_onnx`.
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
    last = next(iter(ups[-1:] or convolutions[-3:]), len(nodes))
    return [node.name for node in (*(nodes[i] for i in convolutions[:1]), *nodes[last:])]


def without_last_concat(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Write the convolution of the last skip connection as the sum of one of the skip and one of the up-convolution.

    That is the same, and what both are put together in, the largest array of all, is never made. A graph without such
    a concatenation stays as it is; see `last_skip`.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    body = changed.graph
    found = last_skip(body)
    if found is None:
        return changed
    skip, up = found.concat.input
    node, kernel = found.convolution, numpy_helper.to_array(found.kernel)
    parts = np.split(kernel, [kernel.shape[1] - found.up_channels], axis=1)
    names = [f"{node.output[0]}.skip", f"{node.output[0]}.up"]
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
    added = helper.make_node("Add", [f"{name}.sum" for name in names], list(node.output), f"{node.output[0]}.add")
    place = list(body.node).index(node)
    nodes = [*body.node[:place], *convolved, added, *body.node[place + 1 :]]
    nodes.remove(found.concat)
    body.initializer.remove(found.kernel)
    del body.node[:]
    body.node.extend(nodes)
    return changed


class LastSkip(NamedTuple):
    """The nodes of the last skip connection, the convolution's kernel, and the channels of the up-convolution."""

    concat: onnx.NodeProto
    convolution: onnx.NodeProto
    kernel: onnx.TensorProto
    up_channels: int


def last_skip(body: onnx.GraphProto) -> LastSkip | None:
    """Find the last skip connection: a convolution of the channels of a skip, then those of the last up-convolution.

    None where the last concatenation that a convolution takes is another one, where something else takes it or the
    kernel, too, or where a kernel is not there as numbers.
    """
    kernels = {tensor.name: tensor for tensor in body.initializer}
    makers = {name: node for node in body.node for name in node.output}
    takers = [node for node in body.node if node.op_type == "Conv" and is_concat(makers.get(node.input[0]))]
    ups = [node for node in body.node if node.op_type == UP]
    if not takers or not ups:
        return None
    node, up = takers[-1], ups[-1]
    concat, kernel, up_kernel = makers[node.input[0]], kernels.get(node.input[1]), kernels.get(up.input[1])
    used = uses(body)
    if (
        kernel is None
        or up_kernel is None
        or len(concat.input) != 2
        or concat.input[1] != up.output[0]
        or option_of(concat, "axis") != 1
        or any(option_of(each, "group", 1) != 1 for each in (node, up))
        or any(used[name] > 1 for name in (concat.output[0], kernel.name))
    ):
        return None
    return LastSkip(concat, node, kernel, up_kernel.dims[1])


def is_concat(node: onnx.NodeProto | None) -> bool:
    """Whether a node puts arrays together."""
    return node is not None and node.op_type == "Concat"


def option_of(node: onnx.NodeProto, name: str, default: int | None = None) -> int | None:
    """Give an option of a node that is a whole number."""
    return next((option.i for option in node.attribute if option.name == name), default)


def uses(body: onnx.GraphProto) -> Counter[str]:
    """Count how often each array is used, also in graphs within, or seen from outside."""
    used = Counter(value.name for value in (*body.input, *body.output))
    for node in body.node:
        used.update(node.input)
        for option in node.attribute:
            for within in (*option.graphs, *([option.g] if option.HasField("g") else [])):
                used.update(uses(within))
    return used
