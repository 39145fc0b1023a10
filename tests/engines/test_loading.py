"""Which engine runs a model: by device, nuseg's own first."""

import subprocess
import sys

import numpy as np
import pytest

from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.engines.engine import Backend
from nuseg.engines.loading import check_maps, load_engine
from nuseg.engines.registry import engines
from nuseg.engines.threads import available_cores
from nuseg.errors import NusegError
from nuseg.model.store import load_model

BATCH = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)


@pytest.fixture
def model(tmp_path):
    return save_dark_model(tmp_path / "dark")


@pytest.fixture
def register():
    """Add engines for a test."""
    before = engines.values()
    yield engines.register
    for name in set(engines) - {backend.name for backend in before}:
        engines.unregister(name)


def test_openvino_serves_the_cpu_and_pytorch_gpus():
    assert engines["openvino"].devices == ("cpu",)
    assert engines["pytorch"].devices == ("cuda", "mps")


def test_the_cpu_runs_the_graph(model):
    np.testing.assert_array_equal(load_engine(model, "cpu")(BATCH), dark_network(BATCH))


def test_an_unknown_device_is_named_with_those_there_are(model):
    with pytest.raises(NusegError, match="device=abacus: expected auto or one of cpu, cuda, mps"):
        load_engine(model, "abacus")


def test_auto_takes_cuda_where_an_engine_has_it_else_the_cpu(model, register, monkeypatch):
    monkeypatch.setattr("pathlib.Path.exists", lambda path: False)  # no driver
    np.testing.assert_array_equal(load_engine(model)(BATCH), dark_network(BATCH))
    loaded = []

    def load(model, device, threads, precision):
        loaded.append((model, device, threads, precision))
        return lambda batch: np.ones((len(batch), 2, *batch.shape[1:3]), np.float32)

    register(Backend("other", ("cuda",), lambda device: True, load))
    assert load_engine(model, threads=3, precision="bf16")(BATCH).min() == 1
    assert loaded == [(model, "cuda", 3, "bf16")]


def test_an_engine_that_is_not_available_is_passed_over(model, register):
    ones = lambda *_: lambda batch: np.ones((len(batch), 2, *batch.shape[1:3]))  # noqa: E731
    register(Backend("absent", ("abacus",), lambda device: False, ones))
    register(Backend("present", ("abacus",), lambda device: True, lambda *_: dark_network))
    np.testing.assert_array_equal(load_engine(model, "abacus")(BATCH), dark_network(BATCH))


def test_a_model_of_an_unknown_architecture_segments_all_the_same(model):
    unknown = model.config.architecture.model_copy(update={"preset": "theirs", "options": {"depth": 3}})
    path = model.path / "model.json"
    path.write_text(model.config.model_copy(update={"architecture": unknown}).model_dump_json())
    np.testing.assert_array_equal(load_engine(load_model(model.path), "cpu")(BATCH), dark_network(BATCH))


def test_maps_of_another_number_are_refused(tmp_path):
    with pytest.raises(NusegError, match=r"g\.onnx: expected maps of shape \(1, 3, 2, 3\) \(mask, distance, rim\)"):
        check_maps(dark_network, CONFIG.model_copy(update={"maps": ("mask", "distance", "rim")}), tmp_path / "g.onnx")


def test_the_cpu_needs_no_pytorch():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy\n"
        "from nuseg.engines.loading import load_engine\n"
        "from nuseg.model.store import load_model\n"
        "print(load_engine(load_model('fast'))(numpy.zeros((1, 32, 32, 3), numpy.uint8)).shape)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 2, 32, 32)\n"


def test_this_process_has_a_core():
    assert available_cores() >= 1
