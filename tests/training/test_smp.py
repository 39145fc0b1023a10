"""The networks of segmentation_models_pytorch: trained, exported and run like nuseg's own."""

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.config import Architecture
from nuseg.model.export import load_network
from nuseg.model.network import build_network, network_maps
from nuseg.model.reach import check_tiling
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.config import load_config
from nuseg.training.fit import train

SETTINGS = [
    "network.preset=smp",
    "network.architecture=Unet",
    "network.encoder=resnet18",
    "data.window=64",
    "data.batch=2",
    "data.workers=0",
    "optimiser.steps=40",  # until the normalisations know their statistics
    "optimiser.epochs=1",
    "compute.accelerator=cpu",
    "compute.precision=32-true",
]


class FakeUnet(nn.Module):
    """The parts that the library's networks have, around next to nothing: two scales and a skip connection."""

    def __init__(self, in_channels: int, classes: int, encoder_depth: int) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(in_channels, 6, 2**encoder_depth, stride=2**encoder_depth)
        self.encoder.output_stride = 2**encoder_depth
        self.decoder = nn.Conv2d(6 + in_channels, 8, 3, padding=1)
        self.segmentation_head = nn.Conv2d(8, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        coarse = F.interpolate(self.encoder(x), scale_factor=self.encoder.output_stride, mode="nearest")
        return self.segmentation_head(torch.relu(self.decoder(torch.cat([coarse, x], dim=1))))


def fake_library() -> ModuleType:
    """A module whose `create_model` is called, and refuses, as that of segmentation_models_pytorch."""

    def create_model(
        arch: str,
        encoder_name: str = "resnet34",
        encoder_weights: str | None = "imagenet",
        in_channels: int = 3,
        classes: int = 1,
        encoder_depth: int = 5,
    ) -> nn.Module:
        if arch.lower() != "unet":
            raise KeyError(f"Wrong architecture type `{arch}`. Available options are: ['unet']")
        if encoder_name != "resnet18":
            raise KeyError(f"Wrong encoder name `{encoder_name}`, supported encoders: ['resnet18']")
        assert encoder_weights is None, "weights would be downloaded"
        return FakeUnet(in_channels, classes, encoder_depth)

    module = ModuleType("segmentation_models_pytorch")
    module.create_model = create_model
    return module


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", fake_library())


@pytest.fixture
def real():
    """The library itself; its torchvision only works with the PyTorch that it was compiled for."""
    try:
        import segmentation_models_pytorch
    except Exception as error:
        pytest.skip(f"segmentation_models_pytorch cannot be imported here: {error}")
    return segmentation_models_pytorch


def check_training(dataset, run, atol: float) -> None:
    """Train, export and segment; PyTorch, OpenVINO, whole images and tiles give the same maps."""
    model = train([dataset], run, load_config(overrides=SETTINGS))
    assert model.config.architecture.preset == "smp"
    assert (model.config.maps, model.config.stride) == (("mask", "distance"), 32)
    assert np.isfinite(pd.read_csv(run / "log.csv")["train/loss"]).all()
    network = load_network(model)
    run_network = lambda batch: network_maps(network, batch)  # noqa: E731
    batch = np.random.default_rng(0).integers(0, 256, (2, 37, 50, 3), np.uint8)
    np.testing.assert_allclose(load_engine(model, "cpu", precision="f32")(batch), run_network(batch), atol=atol)
    pixels, _ = load_item(Dataset.load(dataset).split("test")[0])
    wide = np.concatenate([pixels] * (2 + 2 * model.config.margin // pixels.shape[1] + 1), axis=1)
    whole = predict_maps(run_network, wide, model.config, tile=100_000)
    np.testing.assert_allclose(predict_maps(run_network, wide, model.config, tile=64), whole, atol=2e-6)
    labels = Segmenter.load(model, device="cpu")(pixels, model.config.mpp).labels
    assert labels.shape == pixels.shape[:2]


def test_a_network_with_the_librarys_interface_trains_exports_and_segments(fake, tiny_dataset, tmp_path):
    check_training(tiny_dataset, tmp_path / "run", atol=2e-5)


def test_unet_on_resnet18_trains_exports_and_segments(real, tiny_dataset, tmp_path):
    # The graph's kernels, with the normalisations that were multiplied into them, are stored in 16 bits.
    check_training(tiny_dataset, tmp_path / "run", atol=5e-3)


def test_what_sees_the_whole_image_is_refused(real):
    network = build_network(Architecture(preset="smp", architecture="Unet", encoder="efficientnet-b0"))
    with pytest.raises(NusegError, match="squeeze-and-excitation"):
        check_tiling(network)


def test_options_are_the_librarys_own_and_weights_are_random(fake):
    smp = {"preset": "smp", "encoder": "resnet18"}
    network = build_network(Architecture(**smp, options={"encoder_depth": 3}), pretrained=True)
    assert (network.stride, network.pretrained) == (8, None)
    with pytest.raises(NusegError, match="unexpected keyword argument 'colour'"):
        build_network(Architecture(**smp, options={"colour": 1}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"architecture": "Vnet", "encoder": "resnet18"}, "network.architecture=Vnet.*Available options are"),
        ({"encoder": "lite0"}, "network.encoder=lite0.*supported encoders"),
    ],
)
def test_what_the_library_does_not_have_is_named_with_its_choices(fake, settings, words):
    with pytest.raises(NusegError, match=words):
        build_network(Architecture(preset="smp", **settings))


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(NusegError, match=r"network.preset=smp: .* pip install 'nuseg\[smp\]'"):
        build_network(Architecture(preset="smp"))


def test_patches_have_to_fit_the_stride(fake, tiny_dataset, tmp_path):
    settings = [*SETTINGS, "data.window=48"]
    with pytest.raises(NusegError, match=r"data\.window=48: expected a multiple of the network's stride of 32 px"):
        train([tiny_dataset], tmp_path / "run", load_config(overrides=settings))
    assert not (tmp_path / "run").exists()
