"""Outputs by name: order, activations, settings of the architecture."""

import pytest
import torch

from nuseg.errors import NusegError
from nuseg.model.config import Architecture
from nuseg.model.head import Head
from nuseg.model.network import build_network
from nuseg.model.registry import heads

KINDS = Head(
    name="kinds",
    help="one of three",
    channels=("a", "b", "c"),
    activation="softmax",
    exported=True,
    needs_instances=True,
    target=lambda labels: labels,
    loss=lambda *_: {},
)


@pytest.fixture
def kinds():
    heads.register(KINDS)
    yield
    heads.unregister("kinds")


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_exported_heads_come_first_and_each_has_its_activation(kinds, preset):
    torch.manual_seed(0)
    network = build_network(Architecture(preset=preset, heads=("mask", "distance", "offsets", "kinds"))).eval()
    x = 255 * torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        by_name, maps = network(x), network.maps(x)
    assert {name: logits.shape[1] for name, logits in by_name.items()} == {
        "mask": 1,
        "distance": 1,
        "kinds": 3,
        "offsets": 2,
    }
    assert maps.shape == (1, 5, 37, 50)
    torch.testing.assert_close(maps[:, :1], torch.sigmoid(by_name["mask"]))
    torch.testing.assert_close(maps[:, 2:], torch.softmax(by_name["kinds"], dim=1))
    torch.testing.assert_close(maps[:, 2:].sum(1), torch.ones(1, 37, 50))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"preset": "vnet"}, "network.preset vnet: expected one of .*unet"),
        ({"encoder": "resnet18"}, "network.encoder=resnet18: expected one of lite0, lite1, lite2"),
    ],
)
def test_what_cannot_be_built_is_named_with_the_choices(settings, words):
    with pytest.raises(NusegError, match=words):
        build_network(Architecture(**settings))
