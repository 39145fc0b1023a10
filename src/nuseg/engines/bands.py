"""The finest layers of an expanding path in bands of rows, one after the other: less memory, the same to the bit.

At half of the image's resolution and above, what the layers give takes more memory than all that comes before. They
see hardly beyond a pixel, so that a band of rows needs little more than its own: the rows around it that they see.

Only graphs whose operations are known here can be computed so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nuseg.model.stride import round_up

if TYPE_CHECKING:
    import openvino

FINE = 2  # px of the image in a pixel, at most, of what is computed in bands
BANDS = 4  # more take hardly less memory: then the contracting path takes most
LEAST = 8  # px; what has fewer rows is no picture
# Each pixel of their output depends on one of the input, that of the same place.
BY_PIXEL = {
    *("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "FakeQuantize", "Convert", "Round", "Result"),
    *("Relu", "PRelu", "Elu", "Clamp", "Sigmoid", "HSigmoid", "Tanh", "Swish", "HSwish", "Gelu", "Mish"),
    *("Concat", "Split", "VariadicSplit", "Unsqueeze", "Squeeze", "Reshape", "Broadcast", "Tile"),
}
# Of these, what makes a shape of its second input, which may be that of a band.
SHAPED_BY_SECOND = {"Reshape", "Broadcast"}
# Here, where the sides of a kernel begin in its shape.
CONVOLUTIONS = {"Convolution": 2, "GroupConvolution": 3}
UP_CONVOLUTIONS = {"ConvolutionBackpropData": 2, "GroupConvolutionBackpropData": 3}


@dataclass(frozen=True)
class FineLayers:
    """The finest layers of an expanding path.

    Attributes
    ----------
    inputs : tuple of (str, int, int)
        Where something of the image comes in: name of the operation, number of its input, px of the image in a pixel
        there; 0 where it is no picture, and the same for all bands.
    reach : int
        How many rows of the image beyond a band they see.
    """

    inputs: tuple[tuple[str, int, int], ...]
    reach: int

    def in_bands(self, network: "openvino.Model") -> "openvino.Model | None":
        """Make a network, whose shape is given, compute them in bands. The network itself is used up.

        None where it cannot: something asks for as many rows as the image has, or cuts rows off that are no multiple.
        """
        try:
            whole = network.output(0).get_shape()
            made = self._in_bands(network)
        except RuntimeError:  # OpenVINO's, of shapes that do not fit
            return None
        return made if made.output(0).get_shape() == whole else None

    def _in_bands(self, network: "openvino.Model") -> "openvino.Model":
        import openvino
        from openvino import opset13 as ops

        height, coarsest = network.input(0).get_shape()[1], max(step for _, _, step in self.inputs)
        length = round_up(-(-height // BANDS), coarsest)
        layers, fine, bands = by_name(network), self._alone(network.clone()), []
        for top in range(0, height, length):
            first = max(top - self.reach, 0) // coarsest * coarsest
            end = round_up(top + length + self.reach, coarsest)  # what is cut out ends where there is no more
            given = [network.input(0)]
            for name, number, step in self.inputs:
                picture = layers[name].input_value(number)
                given.append(cut(picture, first // step, end // step) if step else picture)
            band = fine.clone()
            for entry, value in zip(band.get_parameters(), given, strict=True):
                for user in entry.output(0).get_target_inputs():
                    user.replace_source_output(value)
            maps = band.output(0).get_node().input_value(0)
            bands.append(cut(maps, top - first, min(top + length, height) - first))
        together = openvino.Model([ops.concat(bands, 2)], network.get_parameters(), network.get_friendly_name())
        together.validate_nodes_and_infer_types()
        return together

    def _alone(self, network: "openvino.Model") -> "openvino.Model":
        """Make of a network one that takes the window, whose shape may be asked for, and all that they are given."""
        import openvino
        from openvino import opset13 as ops

        layers, entries = by_name(network), network.get_parameters()
        for name, number, _ in self.inputs:
            place, value = layers[name].input(number), layers[name].input_value(number)
            entries.append(ops.parameter(value.get_partial_shape(), value.get_element_type()))
            place.replace_source_output(entries[-1].output(0))
        return openvino.Model([network.output(0).get_node().input_value(0)], entries, "fine")


def find_fine_layers(network: "openvino.Model", side: int) -> FineLayers | None:
    """Find the finest layers of a graph's expanding path, which begins where channels of two origins meet.

    Parameters
    ----------
    network
        Its shape is given: it takes a window `(1, side, side, c)`, to which it adds no padding. Its operations have
        names of their own.
    side
        Of the window (px).

    Returns
    -------
    FineLayers or None
        None where there are none, or any operation of the path is not known here.
    """
    seen: set[str] = set()  # names of what depends on the image
    path: set[str] = set()  # of the expanding path
    fine: dict[str, int] = {}  # of its finest layers: px of the image in a pixel that comes in
    inputs = []
    for operation in network.get_ordered_ops():
        name, kind = operation.get_friendly_name(), operation.get_type_name()
        sources = [value.get_node().get_friendly_name() for value in operation.input_values()]
        if kind == "Parameter" or (not seen.isdisjoint(sources) and not counts_axes(operation)):
            seen.add(name)
        steps = {
            number: step_of(place, side)
            for number, (place, source) in enumerate(zip(operation.inputs(), sources, strict=True))
            if source in seen
        }
        pictures = {number: step for number, step in steps.items() if step}
        of_path = {number for number, source in enumerate(sources) if source in path}
        begins = kind == "Concat" and len(pictures) > 1
        if kind == "ShapeOf" or not (begins or of_path):
            continue
        if not of_path <= pictures.keys() or own_reach(operation) is None:
            return None
        path.add(name)
        if min(filter(None, (step_of(place, side) for place in operation.outputs())), default=0) <= FINE:
            inputs += [
                (name, number, step)
                for number, step in steps.items()
                if sources[number] not in fine and (number != 1 or kind not in SHAPED_BY_SECOND)
            ]
            fine[name] = max(pictures.values())
    reach = reach_of(network, fine)
    return None if reach is None else FineLayers(tuple(inputs), reach)


def reach_of(network: "openvino.Model", layers: dict[str, int]) -> int | None:
    """How far layers see one after the other (px of the image), by their names; each with the px in a pixel there.

    None where there are none, or where one would see what another has cut off: the last band does not cut it off.
    """
    reach: dict[str, int] = {}
    for operation in reversed(network.get_ordered_ops()):
        name = operation.get_friendly_name()
        if name in layers:
            beyond = max((reach.get(user, 0) for user in users_of(operation)), default=0)
            if beyond and operation.get_type_name() == "Slice":
                return None
            reach[name] = beyond + layers[name] * (own_reach(operation) or 0)
    return max(reach.values(), default=None)


def users_of(operation: "openvino.Node") -> Iterator[str]:
    """Names of the operations that use what an operation gives."""
    for output in operation.outputs():
        for user in output.get_target_inputs():
            yield user.get_node().get_friendly_name()


def by_name(network: "openvino.Model") -> dict[str, "openvino.Node"]:
    """The operations of a network by their names."""
    return {operation.get_friendly_name(): operation for operation in network.get_ordered_ops()}


def counts_axes(operation: "openvino.Node") -> bool:
    """Whether an operation asks for the shape of a shape, which is the same for all images."""
    return all(node.get_type_name() == "ShapeOf" for node in (operation, operation.input_value(0).get_node()))


def cut(picture: "openvino.Output[openvino.Node]", first: int, end: int) -> "openvino.Output[openvino.Node]":
    """Rows of a picture `(..., h, w)`, from the first on."""
    from openvino import opset13 as ops

    starts, ends, steps, axes = (np.array([number]) for number in (first, end, 1, -2))
    return ops.slice(picture, starts, ends, steps, axes).output(0)


def step_of(place: "openvino.Input[openvino.Node] | openvino.Output[openvino.Node]", side: int) -> int:
    """How many px of a window there are in a pixel of a picture, along one side; 0 where a place has no picture."""
    shape = place.get_partial_shape()
    if shape.rank.is_dynamic or len(shape) < 4 or shape.is_dynamic:
        return 0
    rows, columns = place.get_shape()[-2:]
    return side // rows if rows == columns >= LEAST and side % rows == 0 else 0


def own_reach(operation: "openvino.Node") -> int | None:
    """How far an operation sees around a pixel of its input; None where it is not known."""
    kind, options = operation.get_type_name(), operation.get_attributes()
    if any(place.get_partial_shape().is_dynamic for place in (*operation.inputs(), *operation.outputs())):
        return None
    sides, made = (list(place.get_shape())[-2:] for place in (operation.input(0), operation.output(0)))
    strides, before = (list[int](options.get(name, [])) for name in ("strides", "pads_begin"))
    if kind in CONVOLUTIONS and sides == made and set(strides) == {1}:
        beyond = widths(operation, CONVOLUTIONS[kind], options)
        return max(max(pad, width - pad) for width, pad in zip(beyond, before, strict=True))
    if kind in UP_CONVOLUTIONS and made == [side * step for side, step in zip(sides, strides, strict=True)]:
        beyond = widths(operation, UP_CONVOLUTIONS[kind], options)
        along = zip(beyond, before, strides, strict=True)
        return max(int(max(step - 1 + pad, width - pad)) // step for width, pad, step in along)
    known = (
        (kind in BY_PIXEL and sides == made)
        or kind == "DepthToSpace"
        or (kind == "Softmax" and options["axis"] == 1)
        or (kind == "Slice" and sides == made and cuts_the_end(operation))
        or (kind == "Interpolate" and repeats_pixels(operation, options))
    )
    return 0 if known else None


def widths(operation: "openvino.Node", first: int, options: dict[str, Any]) -> list[int]:
    """How far it is from the first to the last pixel of a convolution's kernel, whose sides begin so in its shape."""
    kernel = operation.input(1).get_shape()[first:]
    return [(length - 1) * wide for length, wide in zip(kernel, options["dilations"], strict=True)]


def cuts_the_end(operation: "openvino.Node") -> bool:
    """Whether a Slice takes all from the first pixel to some other: of a window to which nothing is added, all."""
    first, step = (constant(operation, number) for number in (1, 3))
    return first is not None and step is not None and not first.any() and bool((step == 1).all())


def repeats_pixels(operation: "openvino.Node", options: dict[str, Any]) -> bool:
    """Whether an Interpolate makes several pixels of each one, whatever their number."""
    scales = constant(operation, 1)
    names = ("mode", "shape_calculation_mode", "coordinate_transformation_mode", "nearest_mode")
    how = [options.get(name) for name in names]
    whole = scales is not None and bool((scales == np.round(scales)).all())
    return whole and how == ["nearest", "scales", "asymmetric", "floor"] and not any(options["pads_begin"])


def constant(operation: "openvino.Node", number: int) -> np.ndarray | None:
    """The numbers of an input that are part of the graph."""
    node = operation.input_value(number).get_node()
    return np.asarray(node.data) if node.get_type_name() == "Constant" else None
