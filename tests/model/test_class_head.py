"""The class head: made for names of classes, with convolutions of its own, through export and tiles."""

import numpy as np
import pytest
import torch

from nuseg.engines.backends.openvino import OpenVinoEngine
from nuseg.errors import NusegError
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import load_network, save_model
from nuseg.model.network import build_network, network_maps
from nuseg.model.reach import check_tiling, measure_margin
from nuseg.model.registry import find_heads, map_names
from nuseg.model.unet import receptive_radius
from nuseg.training.losses import leaves_out_unknown

CLASSES = ("a b", "c", "d")
HEADS = ("mask", "distance", "classes", "offsets")


def architecture(preset: str = "unet-small", **settings) -> Architecture:
    return Architecture(preset=preset, heads=HEADS, classes=CLASSES, **settings)


def config(of: Architecture) -> ModelConfig:
    maps = map_names(of.heads, of.classes)
    return ModelConfig(name="typed", architecture=of, mpp=0.5, maps=maps, margin=64)


def test_channels_are_those_of_the_names():
    head = find_heads(HEADS, CLASSES)[2]
    assert head.channels == ("class:a b", "class:c", "class:d")
    assert map_names(HEADS, CLASSES) == ("mask", "distance", *head.channels)
    target = head.target(np.array([[0, 1], [3, 2]]))
    np.testing.assert_array_equal(target, [[[0, 1], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [1, 0]]])
    assert leaves_out_unknown(head)


def test_loss_by_hand():
    head = find_heads(HEADS, CLASSES)[2]
    logits = torch.tensor([[[[2.0, 0.0, 5.0]], [[0.0, 1.0, 5.0]], [[0.0, 0.0, -9.0]]]])
    target = torch.tensor([[[[1.0, 0, 0]], [[0, 0.5, 0]], [[0, 0, 0]]]])
    weight = torch.ones(1, 1, 1, 3)
    each = torch.logsumexp(logits[0, :, 0], 0) - torch.tensor([2.0, 1.0, 0])
    expected = (each[0] + 0.5 * each[1]) / 1.5
    torch.testing.assert_close(head.loss(logits, target, weight)["class"], expected)
    assert head.loss(logits, 0 * target, weight)["class"] == 0


def test_a_class_head_without_names_is_refused():
    with pytest.raises(NusegError, match=r"network\.classes: expected names of classes"):
        build_network(Architecture(preset="unet-small", heads=HEADS))


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_outputs_in_their_order(preset: str):
    torch.manual_seed(0)
    network = build_network(architecture(preset)).eval()
    x = 255 * torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        by_name, maps, alone = network(x), network.maps(x), network.branch_logits(x)
    assert {name: logits.shape[1] for name, logits in by_name.items()} == {
        "mask": 1,
        "distance": 1,
        "classes": 3,
        "offsets": 2,
    }
    torch.testing.assert_close(maps[:, :1], torch.sigmoid(by_name["mask"]))
    torch.testing.assert_close(maps[:, 2:], torch.softmax(by_name["classes"], dim=1))
    assert list(alone) == ["classes"]
    assert torch.equal(alone["classes"], by_name["classes"])


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_the_rest_of_the_network_is_that_without_classes(preset: str):
    plain = build_network(Architecture(preset=preset)).eval()
    typed = build_network(architecture(preset)).eval()
    missing = typed.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing
    assert all(name.startswith("branch.") for name in missing)
    x = 255 * torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        assert torch.equal(plain.maps(x), typed.maps(x)[:, :2])
        assert torch.equal(plain(x)["offsets"], typed(x)["offsets"])


def test_a_wide_branch_has_more_channels():
    small, wide = (build_network(architecture(class_branch=name)).branch for name in ("small", "wide"))
    assert (small.head.in_channels, wide.head.in_channels) == (32, 64)


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_the_margin_holds_for_classes(preset: str):
    torch.manual_seed(0)
    network = build_network(architecture(preset)).eval()
    check_tiling(network)
    if preset == "unet-small":
        assert measure_margin(network) <= receptive_radius(network)


def test_gradients_of_the_branch_stay_in_it():
    network = build_network(architecture()).train()
    network.branch_logits(255 * torch.rand(2, 3, 32, 32))["classes"].square().mean().backward()
    with_gradient = {name for name, value in network.named_parameters() if value.grad is not None}
    assert with_gradient == {f"branch.{name}" for name, _ in network.branch.named_parameters()}


def test_exported_and_loaded_it_gives_the_same_maps(tmp_path):
    torch.manual_seed(0)
    network = build_network(architecture()).eval()
    model = save_model(network, config(architecture()), tmp_path)
    assert model.config.classes == CLASSES
    assert model.config.class_maps == (2, 3, 4)
    batch = np.random.default_rng(0).integers(0, 256, (1, 45, 50, 3), dtype=np.uint8)
    maps = network_maps(load_network(model), batch)
    np.testing.assert_allclose(OpenVinoEngine(model.graph())(batch), maps, atol=2e-5)
    np.testing.assert_allclose(maps[:, 2:].sum(axis=1), 1, atol=1e-5)


def test_a_model_without_classes_is_described_as_before():
    plain = ModelConfig(name="plain", architecture=Architecture(), mpp=0.5, margin=0)
    assert "class" not in plain.model_dump_json().replace("classical", "")
    typed = config(architecture())
    assert ModelConfig.model_validate_json(typed.model_dump_json()) == typed
