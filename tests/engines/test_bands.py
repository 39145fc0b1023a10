"""The finest layers in bands: the same maps to the bit, in less memory, and only where every operation is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from nuseg.engines.bands import FineLayers, by_name, find_fine_layers
from nuseg.engines.fixed_shapes import FixedShapes, bytes_at_once, with_bytes_out
from nuseg.engines.processor import core
from nuseg.model.store import load_model

RNG = np.random.default_rng(0)
SIDE = 64
Layer = Callable[[Any], Any]


def numbers(*shape: int) -> Any:
    return ops.constant(RNG.normal(size=shape).astype(np.float32))


def convolution(picture: Any, channels: int, side: int = 3, stride: int = 1, wide: int = 1, share: float = 0.5) -> Any:
    """Of as many rows as came in, by the stride; a share of all that is padded comes before."""
    around = (side - 1) * wide - (stride - 1) * (side > 1)
    before = int(around * share)
    kernel = numbers(channels, picture.get_output_partial_shape(0)[1].get_length(), side, side)
    return ops.convolution(picture, kernel, [stride] * 2, [before] * 2, [around - before] * 2, [wide] * 2)


def doubled(picture: Any, channels: int, side: int = 2) -> Any:
    kernel = numbers(picture.get_output_partial_shape(0)[1].get_length(), channels, side, side)
    around = side - 2
    pads = [around // 2] * 2, [around - around // 2] * 2
    return ops.convolution_backprop_data(picture, kernel, [2, 2], pads_begin=pads[0], pads_end=pads[1])


def same(picture: Any) -> Any:
    return picture


def of_channels(picture: Any) -> Any:
    return ops.depth_to_space(picture, "depth_first", 2)


def unet(fine: Layer = same, last: Layer = of_channels, up: int = 2, gated: bool = False) -> openvino.Model:
    """A U-Net. `fine` is a layer at half of the image's resolution, `last` brings it to the whole.

    Where it is gated, the deepest layer weighs the channels of the finest ones.
    """
    image = ops.parameter([1, -1, -1, 3], np.uint8, name="image")
    planes = ops.convert(ops.transpose(image, np.array([0, 3, 1, 2])), "f32")
    half = ops.relu(convolution(planes, 4, 3, stride=2))
    quarter = ops.relu(convolution(half, 6, 3, stride=2))
    deep = ops.relu(convolution(convolution(quarter, 6, 3, stride=2), 6))
    joined = ops.relu(convolution(ops.concat([quarter, doubled(deep, 4)], 1), 6))
    joined = ops.concat([half, doubled(joined, 4, up)], 1)
    made = fine(ops.relu(convolution(joined, 8)))
    if gated:
        made = ops.multiply(made, ops.sigmoid(convolution(ops.reduce_mean(deep, np.array([2, 3]), True), 8, 1)))
    return openvino.Model([ops.sigmoid(last(made))], [image], "unet")


def shaped(network: openvino.Model, height: int, width: int) -> openvino.Model:
    network = network.clone()
    network.reshape({0: [1, height, width, 3]})
    return network


def found(network: openvino.Model) -> FineLayers | None:
    return find_fine_layers(shaped(network, SIDE, SIDE), SIDE)


def run(network: openvino.Model, window: np.ndarray) -> np.ndarray:
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    maps: np.ndarray = core().compile_model(network, "CPU", options)(window[None])[0]
    return maps


def check_bands(network: openvino.Model, height: int, width: int = 32) -> FineLayers:
    layers = found(network)
    assert layers is not None
    window = RNG.integers(0, 256, (height, width, 3), np.uint8)
    expected = run(shaped(network, height, width), window)
    assert np.ptp(expected) > 0
    in_bands = layers.in_bands(shaped(network, height, width))
    assert in_bands is not None
    np.testing.assert_allclose(run(in_bands, window), expected, atol=1e-5)
    return layers


@pytest.mark.parametrize("height", [16, 24, 64, 104, 136])
def test_bands_give_the_maps_of_the_whole(height: int) -> None:
    layers = check_bands(unet(), height)
    assert layers.reach == 2  # one convolution of 3 rows, of two px each
    assert sorted(step for _, _, step in layers.inputs) == [2, 4]  # the skip connection, and what is doubled


@settings(max_examples=12, deadline=None)
@given(side=st.integers(1, 5), wide=st.integers(1, 3), share=st.floats(0, 1), up=st.sampled_from([2, 3, 4, 6]))
def test_kernels_of_any_kind(side: int, wide: int, share: float, up: int) -> None:
    network = unet(lambda picture: convolution(picture, 8, side, wide=wide, share=share), up=up)
    layers = check_bands(network, 96)
    before = int((side - 1) * wide * share)
    rows = max(before, (side - 1) * wide - before)
    assert layers.reach == 2 * (1 + rows) + 4 * (up > 2)


def pooled(picture: Any) -> Any:
    return ops.multiply(picture, ops.sigmoid(ops.reduce_mean(picture, np.array([2, 3]), True)))


def magnified(mode: str) -> Layer:
    scales, axes = np.array([2, 2], np.float32), np.array([2, 3])

    def layer(picture: Any) -> Any:
        none = [0] * 4
        return ops.interpolate(
            picture, scales, mode, "scales", none, none, "asymmetric", nearest_mode="floor", axes=axes
        )

    return layer


def test_the_deepest_layer_may_weigh_the_finest() -> None:
    check_bands(unet(gated=True), 80)


def test_pixels_may_be_repeated() -> None:
    check_bands(unet(last=magnified("nearest")), 80)


def rows_of(picture: Any) -> Any:
    """How many rows a picture has, as far as the graph knows."""
    shape = ops.shape_of(picture, "i64")
    return ops.squeeze(ops.slice(shape, np.array([2]), np.array([3]), np.array([1]), np.array([0])), np.array([0]))


def places(picture: Any) -> Any:
    """Where each row is, from 0 to 1: `(h, 1)`."""
    rows = rows_of(picture)
    numbered = ops.range(ops.constant(np.int64(0)), rows, ops.constant(np.int64(1)), "f32")
    return ops.unsqueeze(ops.divide(numbered, ops.convert(rows, "f32")), np.array([1]))


@pytest.mark.parametrize(
    "layer",
    [
        lambda picture: ops.add(
            picture, ops.broadcast(ops.unsqueeze(places(picture), np.array([0, 1])), ops.shape_of(picture, "i64"))
        ),
        lambda picture: ops.divide(picture, ops.convert(rows_of(picture), "f32")),
        lambda picture: ops.reshape(picture, ops.shape_of(picture, "i64"), False),
    ],
    ids=["places", "rows", "shape"],
)
def test_what_layers_know_of_their_shape_is_that_of_the_whole(layer: Layer) -> None:
    check_bands(unet(layer), 104)
    check_bands(unet(last=lambda picture: layer(of_channels(picture))), 72)


def test_of_places_that_are_no_picture_there_are_no_bands() -> None:
    network = unet(lambda picture: ops.add(picture, places(picture)))
    layers = found(network)
    assert layers is None or layers.in_bands(shaped(network, 104, 32)) is None


def test_operations_may_have_the_same_name() -> None:
    network = unet()
    for operation in network.get_ordered_ops():
        operation.set_friendly_name("layer")
    check_bands(with_bytes_out(network), 96)


def cropped(picture: Any, rows: Any) -> Any:
    """The first rows of a picture."""
    end = ops.unsqueeze(rows, np.array([0]))
    return ops.slice(picture, np.array([0]), end, np.array([1]), np.array([2]))


def test_of_a_shape_that_does_not_come_out_whole_there_are_no_bands() -> None:
    """Rows are cut off that are no multiple, of each band as many as of the whole."""
    network = unet(last=lambda picture: ops.slice(of_channels(picture), *np.array([[0], [90], [1], [2]])))
    layers = found(network)
    assert layers is not None
    assert layers.in_bands(shaped(network, 88, 32)) is not None
    assert layers.in_bands(shaped(network, 104, 32)) is None


def by_rows(picture: Any) -> Any:
    """Of three axes in between."""
    return ops.unsqueeze(ops.softmax(ops.squeeze(picture, np.array([0])), 1), np.array([0]))


def through_twice_the_pixels(picture: Any) -> Any:
    twice = magnified("nearest")(of_channels(picture))
    return ops.max_pool(twice, [2, 2], [1, 1], [0, 0], [1, 1], [3, 3]).output(0)


@pytest.mark.parametrize(
    "network",
    [
        unet(by_rows),
        unet(last=through_twice_the_pixels),
        unet(lambda picture: convolution(cropped(picture, ops.constant(np.int64(1000))), 8)),
        unet(pooled),
        unet(lambda picture: ops.max_pool(picture, [1, 1], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)),
        unet(lambda picture: ops.softmax(picture, 2)),
        unet(last=magnified("linear_onnx")),
    ],
    ids=[
        "three axes",
        "more pixels than the image",
        "cut off, then seen",
        "mean of all",
        "not in the list",
        "along rows",
        "between pixels",
    ],
)
def test_what_is_not_known_is_left_whole(network: openvino.Model) -> None:
    assert found(network) is None


def test_what_has_no_skip_connection_is_left_whole() -> None:
    image = ops.parameter([1, -1, -1, 3], np.uint8, name="image")
    planes = ops.convert(ops.transpose(image, np.array([0, 3, 1, 2])), "f32")
    assert found(openvino.Model([ops.sigmoid(convolution(planes, 2))], [image], "plain")) is None


@pytest.mark.parametrize("name", ["default", "fast", "cell-types"])
def test_shipped_models_take_less_memory_so(name: str) -> None:
    network, side = with_bytes_out(core().read_model(load_model(name).graph("int8"))), 256
    layers = find_fine_layers(shaped(network, side, side), side)
    assert layers is not None
    assert layers.reach == 4
    layer = by_name(shaped(network, side, side))
    alike = {layer[place].get_type_name() for place, _, step in layers.inputs if not step}
    assert alike == {"Slice"}  # biases stay beside their kernels, to be computed with them

    def taken(made: openvino.Model) -> int:
        return bytes_at_once(core().compile_model(made, "CPU", {"INFERENCE_NUM_THREADS": 1}).get_runtime_model())

    in_bands = layers.in_bands(shaped(network, side, side))
    assert in_bands is not None
    assert taken(in_bands) < 0.8 * taken(shaped(network, side, side))


@pytest.mark.parametrize(("name", "bands"), [("default", True), ("light", False)])
def test_bands_are_made_where_they_take_less_memory(name: str, bands: bool) -> None:
    shapes = FixedShapes(core().read_model(load_model(name).graph("int8")), {"INFERENCE_NUM_THREADS": 1})
    compiled = shapes._compiled_for((256, 256, 3)).get_runtime_model()
    whole = core().compile_model(shapes._shaped((256, 256, 3)), "CPU", {"INFERENCE_NUM_THREADS": 1}).get_runtime_model()
    assert (len(compiled.get_ordered_ops()) > len(whole.get_ordered_ops())) is bands
    assert bytes_at_once(compiled) <= bytes_at_once(whole)
