"""The code that drives GPUs, on a CPU: in 32 and in 16 bits, by the same calls."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.store import load_model

torch = pytest.importorskip("torch", reason="GPUs need PyTorch")

from nuseg.engines import torch_device  # noqa: E402
from nuseg.engines.backends import pytorch  # noqa: E402
from nuseg.engines.batches import OutOfMemory  # noqa: E402
from nuseg.engines.feeder import BatchFeeder  # noqa: E402
from nuseg.engines.maps import quantise  # noqa: E402
from nuseg.engines.torch_device import TorchDevice  # noqa: E402
from nuseg.model.config import Architecture  # noqa: E402
from nuseg.model.export import load_network  # noqa: E402
from nuseg.model.network import build_network  # noqa: E402
from nuseg.segmentation.segmenter import Segmenter  # noqa: E402

MODEL = load_model("fast")
PICTURES = np.random.default_rng(1).integers(100, 240, (3, 96, 80, 3), np.uint8)


@contextmanager
def engine_on_cpu(half: Any = None, kind: type[TorchDevice] = TorchDevice, launch: int = 20_000) -> Iterator[Any]:
    engine = BatchFeeder([kind(load_network(MODEL), "cpu", half)], launch)
    try:
        yield engine
    finally:
        engine.close()


def test_in_32_bits_it_gives_the_maps_of_the_cpu_engine() -> None:
    with engine_on_cpu() as engine:
        maps = engine(PICTURES)
        assert (maps.dtype, maps.shape) == (np.dtype(np.float32), (3, 2, 96, 80))
        np.testing.assert_allclose(maps, load_engine(MODEL, "cpu", precision="f32")(PICTURES), atol=5e-3)
        np.testing.assert_array_equal(engine.submit(PICTURES[1]).result(), quantise(maps[1]))


def test_in_16_bits_maps_are_near_and_do_not_depend_on_what_shares_a_batch() -> None:
    with engine_on_cpu(torch.bfloat16) as engine:
        maps = engine(PICTURES)
        assert maps.dtype == np.float32
        assert 0 < np.abs(maps - load_engine(MODEL, "cpu", precision="f32")(PICTURES)).max() < 0.05
        alone = np.concatenate([engine(each[None]) for each in PICTURES])
        np.testing.assert_array_equal(maps, alone)
        np.testing.assert_array_equal(engine(PICTURES[::-1]), maps[::-1])


@pytest.mark.parametrize("heads", [("mask", "distance"), ("mask", "distance", "offsets")])
def test_every_own_architecture_computes_in_16_bits(heads: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    for preset in ("unet-small", "unet-lite"):
        network = build_network(Architecture(preset=preset, heads=heads)).eval()
        device = TorchDevice(network, "cpu", torch.bfloat16)
        odd = np.zeros((1, 37, 50, 3), np.uint8)
        maps, good = device.finish(device.start(odd, bytes_out=True))
        assert (maps.dtype, maps.shape[2:]) == (np.dtype(np.uint8), (37, 50))
        assert good.tolist() == [True]


class Small(TorchDevice):
    """A device whose memory holds two windows of the tests."""

    def _compute(self, sent: Any, bytes_out: bool, precise: bool) -> tuple[Any, Any]:
        if len(sent) > 2:
            raise torch.OutOfMemoryError("tried to allocate 20 GiB")
        return super()._compute(sent, bytes_out, precise)


def test_batches_become_smaller_where_pytorch_runs_out_of_memory() -> None:
    with engine_on_cpu(kind=Small, launch=5 * 96 * 80) as engine, engine_on_cpu() as usual:
        np.testing.assert_allclose(engine(np.concatenate([PICTURES, PICTURES]))[3:], usual(PICTURES), atol=1e-5)
        assert engine.in_flight(96 * 80) == 4
        assert "less free memory" in engine.notes[0]
        result = Segmenter(MODEL, engine)(PICTURES[0], 0.5)
        assert any("less free memory" in note for note in result.notes)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), OutOfMemory),
        (RuntimeError("shape mismatch"), RuntimeError),
    ],
)
def test_what_pytorch_says_of_memory_is_told_apart(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected), torch_device.memory_errors():
        raise error


def test_numbers_too_large_for_16_bits_are_computed_in_32() -> None:
    class Overflowing(TorchDevice):
        def _compute(self, sent: Any, bytes_out: bool, precise: bool) -> tuple[Any, Any]:
            maps, _good = super()._compute(sent, False, precise)
            if not precise:
                maps[1] = torch.nan
            return maps, maps.isfinite().flatten(1).all(dim=1)

    with engine_on_cpu(torch.bfloat16, Overflowing) as engine, engine_on_cpu() as precise:
        np.testing.assert_allclose(engine(PICTURES)[1], precise(PICTURES)[1], atol=1e-5)
        assert "too large for 16 bits" in engine.notes[0]


def test_pytorchs_settings_are_as_before() -> None:
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    with torch_device.steady_kernels():
        assert (cudnn.benchmark, cudnn.deterministic) == (False, True)
    assert (cudnn.benchmark, cudnn.deterministic) == before


def test_all_visible_gpus_or_one(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[tuple[str, Any]] = []

    def make(network: Any, name: str, half: Any) -> TorchDevice:
        loaded.append((name, half))
        return TorchDevice(network, "cpu")

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (9, 0) if device.index else (6, 1))
    monkeypatch.setattr(torch_device, "TorchDevice", make)
    for device, precision in (("cuda", None), ("cuda:1", None), ("cuda:1", "f32")):
        engine: Any = pytorch.load(MODEL, device, None, precision)
        np.testing.assert_allclose(engine(PICTURES).max(), 0.5, atol=0.5)
        engine.close()
    assert loaded == [("cuda:0", None), ("cuda:1", torch.float16), ("cuda:1", torch.float16), ("cuda:1", None)]
    with pytest.raises(NusegError, match="device='cuda:2': PyTorch finds no such device"):
        pytorch.load(MODEL, "cuda:2", None, None)


def test_what_a_gpu_needs_is_imported_and_no_more() -> None:
    """PyTorch takes two seconds to import; what trains networks takes as long again."""
    script = (
        "import sys\n"
        "import numpy\n"
        "from nuseg.cli.commands import segment\n"
        "import nuseg.segmentation.folder\n"
        "import nuseg.engines.registry; nuseg.engines.registry.engines.values()\n"
        "assert 'torch' not in sys.modules\n"
        "from nuseg.engines.torch_device import TorchDevice\n"
        "from nuseg.model.export import load_network\n"
        "from nuseg.model.store import load_model\n"
        "device = TorchDevice(load_network(load_model('fast')), 'cpu')\n"
        "device.finish(device.start([numpy.zeros((32, 32, 3), numpy.uint8)], True))\n"
        "print(sorted({name for name in sys.modules} & set(sys.argv[1:])))\n"
    )
    unwanted = ("lightning", "pytorch_lightning", "torchmetrics", "torchvision", "sklearn", "matplotlib", "scipy.stats")
    done = subprocess.run([sys.executable, "-c", script, *unwanted], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_other_gpus_than_cudas_take_one_window_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr(torch_device, "TorchDevice", lambda network, name, half: TorchDevice(network, "cpu", half))
    engine: Any = pytorch.load(MODEL, "mps", None, None)
    assert engine.in_flight(1000) == 2
    assert engine(PICTURES).shape == (3, 2, 96, 80)
    assert engine.notes == ()
    engine.close()
