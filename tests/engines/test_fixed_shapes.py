"""Graphs compiled for one shape: the same bytes as those of any shape, and how much memory they take."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13 as ops

from nuseg.engines import fixed_shapes
from nuseg.engines.backends import openvino as backend
from nuseg.engines.engine import ByteEngine, window_pixels
from nuseg.engines.fixed_shapes import FixedShapes, bytes_at_once, bytes_of
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.engines.processor import core
from nuseg.engines.tta import EightViews
from nuseg.model.config import Precision
from nuseg.model.store import Model, load_model

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("fast")


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_large_windows_have_the_bytes_of_small_ones(
    model: Model, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """Nearly: libraries choose their methods by the shape. Also of a shape that comes again, after others or a rest."""
    engine = load_engine(model, "cpu", precision=precision)
    assert isinstance(engine, ByteEngine)
    shapes = [(64, 80), (64, 80), (95, 50), (33, 47), (64, 80), (95, 50)]
    for turn, shape in enumerate(shapes):
        window = RNG.integers(0, 256, (*shape, 3), np.uint8)
        monkeypatch.setattr(backend, "LARGE_WINDOW", 10**9)
        small = engine.in_bytes(window)
        monkeypatch.setattr(backend, "LARGE_WINDOW", 1)
        large = engine.in_bytes(window)
        assert large.shape == (2, *shape)
        assert len(np.unique(large)) > 8
        np.testing.assert_array_equal(small, quantise(engine(window[None])[0]))
        difference = np.abs(large.astype(int) - small)
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 0.01
        if turn == 3:
            engine.release()
        np.testing.assert_array_equal(engine.in_bytes(window), large)


def test_a_graph_is_compiled_once_for_a_shape(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where others come between, as long as there is room to keep it."""
    monkeypatch.setattr(backend, "LARGE_WINDOW", 1)
    compiled, compiling = [], FixedShapes._compile

    def counted(self: FixedShapes, shape: tuple[int, ...]) -> Any:
        compiled.append(shape[0])
        return compiling(self, shape)

    monkeypatch.setattr(FixedShapes, "_compile", counted)
    engine = load_engine(model, "cpu", threads=1)
    assert isinstance(engine, ByteEngine)
    windows = {side: RNG.integers(0, 256, (side, 64, 3), np.uint8) for side in (64, 80, 96)}
    first = {side: engine.in_bytes(window) for side, window in windows.items()}

    def compiled_for(*sides: int) -> list[int]:
        compiled.clear()
        for side in sides:
            np.testing.assert_array_equal(engine.in_bytes(windows[side]), first[side])
        return compiled.copy()

    assert compiled_for(80, 80, 64, 96, 80) == []
    monkeypatch.setattr(fixed_shapes, "KEPT_BYTES", 5_000_000)  # two of them
    assert compiled_for(64, 80, 64, 96, 64) == [96]
    monkeypatch.setattr(fixed_shapes, "KEPT_BYTES", 0)
    assert compiled_for(80, 80, 64, 80) == [80, 64, 80]


def test_windows_are_as_large_as_memory_is_for(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = window_pixels(load_engine(model, "cpu", precision="f32"))
    coarse = window_pixels(load_engine(model, "cpu", precision="int8"))
    assert 1_000_000 < exact < coarse
    monkeypatch.setattr(fixed_shapes, "WINDOW_BYTES", fixed_shapes.WINDOW_BYTES // 2)
    assert window_pixels(load_engine(model, "cpu", precision="int8")) == pytest.approx(coarse / 2, abs=1)
    assert window_pixels(lambda batch: batch) == window_pixels(None) == 0


def test_bytes_of_a_graph_are_those_of_arrays_that_are_there_together() -> None:
    """Of a chain two arrays at a time; of one that is used at the end as well, three."""
    image = ops.parameter([1, 8, 32, 32], np.float32)

    def pooled(x: openvino.Node) -> openvino.Node:
        return ops.max_pool(x, [1, 1], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)  # not fused, not in place

    def taken(made: openvino.Node) -> int:
        compiled = core().compile_model(openvino.Model([made], [image], "probe"), "CPU", {"INFERENCE_NUM_THREADS": 1})
        return bytes_at_once(compiled.get_runtime_model())

    one = 8 * 32 * 32 * 4
    chain = taken(pooled(pooled(pooled(image))))
    kept = taken(ops.concat([image, pooled(pooled(pooled(image)))], 1))
    assert 2 * one <= chain < 3 * one
    assert kept >= 4 * one  # the image, the last of the chain, and both together


@pytest.mark.parametrize(("kind", "size"), [("f32", 4), ("bf16", 2), ("u8", 1), ("i64", 8), ("u4", 1), ("boolean", 1)])
def test_bytes_of_types(kind: str, size: int) -> None:
    assert bytes_of(kind) == size


def step(kind: str, given: list[str], made: str, **options: Any) -> onnx.NodeProto:
    return helper.make_node(kind, given, [made], **options)


CHANNELS_FIRST = step("Transpose", ["scaled"], "planes", perm=[0, 3, 1, 2])
# How many numbers of the image are not 0 is known when it is there; times 0 that changes nothing.
OF_NO_KNOWN_LENGTH = [
    CHANNELS_FIRST,
    step("NonZero", ["values"], "places"),
    step("Cast", ["places"], "numbers", to=TensorProto.FLOAT),
    step("ReduceMax", ["numbers"], "last", keepdims=0),
    step("Mul", ["last", "zero"], "nothing"),
    step("Add", ["planes", "nothing"], "maps"),
]
# For each row of a window a number of a table, which has fewer than the window that is measured has rows.
FOR_SHORT_WINDOWS = [
    CHANNELS_FIRST,
    step("Shape", ["planes"], "rows", start=2, end=3),
    step("Slice", ["table", "first", "rows", "axis"], "of_rows"),
    step("Add", ["planes", "of_rows"], "maps"),
]


def graph_engine(
    folder: Path, nodes: list[onnx.NodeProto], channels: int | str = 3, taken: int = TensorProto.UINT8, made: int = 1
) -> backend.OpenVinoEngine:
    """An engine of a graph whose nodes make `maps` of `scaled`, the image in 0..1."""
    constants = {
        "most": np.float32(255),
        "zero": np.float32(0),
        "first": np.array([0], np.int64),
        "axis": np.array([0], np.int64),
        "table": np.linspace(0, 0.5, 200, dtype=np.float32)[:, None],
    }
    begin = [step("Cast", ["image"], "values", to=TensorProto.FLOAT), step("Div", ["values", "most"], "scaled")]
    graph = helper.make_graph(
        [*begin, *nodes],
        "g",
        [helper.make_tensor_value_info("image", taken, ["n", "h", "w", channels])],
        [helper.make_tensor_value_info("maps", made, ["n", "k", "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "graph.onnx")
    return backend.OpenVinoEngine(folder / "graph.onnx", threads=1)


def in_type(kind: int) -> list[onnx.NodeProto]:
    return [CHANNELS_FIRST, step("Cast", ["planes"], "maps", to=kind)]


@pytest.mark.parametrize(
    ("nodes", "options", "measured"),
    [
        (in_type(TensorProto.FLOAT), {}, True),
        (in_type(TensorProto.FLOAT), {"channels": "c"}, True),
        (in_type(TensorProto.FLOAT), {"taken": TensorProto.FLOAT}, True),
        (in_type(TensorProto.DOUBLE), {"made": TensorProto.DOUBLE}, True),
        (in_type(TensorProto.FLOAT16), {"made": TensorProto.FLOAT16}, True),
        (OF_NO_KNOWN_LENGTH, {}, False),
        (FOR_SHORT_WINDOWS, {}, False),
    ],
    ids=["usual", "free channels", "float in", "double out", "half out", "inner shapes", "short windows"],
)
@pytest.mark.parametrize("measure_first", [True, False])
def test_any_graph_that_runs_gives_bytes_of_large_windows(
    nodes: list[onnx.NodeProto],
    options: dict[str, Any],
    measured: bool,
    measure_first: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be measured or given a shape runs as it is, and windows stay as they were."""
    monkeypatch.setattr(backend, "LARGE_WINDOW", 1)
    engine = graph_engine(tmp_path, nodes, **options)
    if measure_first:
        assert (engine.window_pixels() > 0) == measured
    for shape in ((64, 80), (33, 47), (33, 47)):
        window = RNG.integers(0, 256, (*shape, 3), np.uint8)
        given = engine.in_bytes(window)
        assert given.dtype == np.uint8
        expected = quantise(engine(window[None])[0])
        difference = np.abs(given.astype(int) - expected)
        assert given.shape == (3, *shape)
        assert difference.max() <= (options.get("made") == TensorProto.FLOAT16)
    assert (engine.window_pixels() > 0) == measured
    engine.release()


@pytest.mark.parametrize("broken", ["_compile", "_maps"])
def test_what_openvino_cannot_compile_or_run_is_not_tried_again(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def fail(_self: FixedShapes, given: object) -> None:
        tried.append(given)
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr(backend, "LARGE_WINDOW", 1)
    monkeypatch.setattr(FixedShapes, broken, fail)
    engine = graph_engine(tmp_path, in_type(TensorProto.FLOAT))
    assert engine.notes == ()
    for side in (40, 50):
        window = RNG.integers(0, 256, (side, side, 3), np.uint8)
        np.testing.assert_array_equal(engine.in_bytes(window), quantise(engine(window[None])[0]))
    assert len(tried) == 1
    assert engine.window_pixels() == 0
    (note,) = engine.notes
    assert "could not create a primitive" in note


def test_memory_is_given_back_after_large_windows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small images of a folder keep theirs from one to the next."""
    monkeypatch.setattr(backend, "LARGE_WINDOW", 50 * 50)
    engine = graph_engine(tmp_path, in_type(TensorProto.FLOAT))
    compiled, given_back = engine.compiled, list[str]()

    class Watched:
        def __call__(self, batch: np.ndarray) -> Any:
            return compiled(batch)

        def release_memory(self) -> None:
            given_back.append("any shape")
            compiled.release_memory()

    monkeypatch.setattr(engine, "compiled", Watched())
    small, large = (np.zeros((side, side, 3), np.uint8) for side in (40, 60))

    def after(*calls: Any) -> int:
        for call in calls:
            call()
        given_back.clear()
        engine.release()
        engine.release()
        return len(given_back)

    assert after(lambda: engine.in_bytes(small), lambda: engine(small[None])) == 0
    assert after(lambda: engine.in_bytes(large), lambda: engine.in_bytes(small)) == 1
    assert after(lambda: engine.in_bytes(small)) == 0
    assert after(lambda: engine(large[None])) == 1  # as the views of test-time augmentation are seen
    assert after(lambda: EightViews(engine, 16)(large[None])) == 1
