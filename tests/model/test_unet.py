"""The network: shapes, gradients, skip connections, receptive field."""

import copy

import pytest
import torch

from nuseg.errors import NusegError
from nuseg.model.config import Architecture
from nuseg.model.network import build_network, count_parameters, network_maps
from nuseg.model.unet import narrow, receptive_radius

PRESETS = ("unet-small", "unet-lite")  # the full `unet` is the small one with wider layers


def build(preset: str, in_channels: int = 3):
    torch.manual_seed(0)
    return build_network(Architecture(preset=preset, in_channels=in_channels)).eval()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (33, 47), (5, 64)])
def test_any_size_gives_maps_of_that_size(preset, size):
    with torch.no_grad():
        assert build(preset)(torch.zeros(2, 3, *size))["offsets"].shape == (2, 2, *size)
        assert build(preset).maps(torch.zeros(2, 3, *size)).shape == (2, 2, *size)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels(preset, channels):
    with torch.no_grad():
        assert build(preset, channels).logits(torch.zeros(1, channels, 16, 16)).shape == (1, 4, 16, 16)


def test_paper_preset_has_the_papers_widths():
    network = build("unet")
    assert [
        stage[-3].out_channels for stage in (network.encoder.stages[0], *(s[1] for s in network.encoder.stages[1:]))
    ] == [
        64,
        128,
        256,
        512,
        1024,
    ]
    # The paper's 31,030,593 for one class (with biases, without normalisation), by hand:
    # biases of the 18 normalised convolutions are replaced by twice as many normalisation parameters,
    # and there are four 1x1 heads of 64 + 1.
    widths = (64, 128, 256, 512, 1024, 512, 256, 128, 64)
    paper = 0
    inputs = 3
    for i, width in enumerate(widths):
        if i > 4:
            paper += 4 * inputs * width + width
            inputs = 2 * width
        paper += 9 * inputs * width + 9 * width * width + 2 * 2 * width
        inputs = width
    assert count_parameters(network) == paper + 4 * (64 + 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_reach_every_parameter(preset):
    network = build(preset).train()
    torch.manual_seed(1)
    network.logits(255 * torch.rand(2, 3, 64, 64)).square().mean().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("preset", PRESETS)
def test_each_skip_connection_carries_information(preset):
    network = build(preset).train()  # batch statistics keep the signal of an untrained network alive
    x = 255 * torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = network.logits(x)
        for silenced in range(len(network.decoder)):

            def silence(module, inputs):
                return inputs[0], torch.zeros_like(inputs[1])

            handle = network.decoder[silenced].register_forward_pre_hook(silence)
            changed = (network.logits(x) - whole).abs().max()
            handle.remove()
            assert changed > 1e-5, f"decoder stage {silenced} ignores its skip connection"


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_beyond_the_receptive_radius_changes_the_output(preset):
    network = build(preset).double()
    radius = receptive_radius(network)
    length, at = 2 * radius + 64, radius + 16
    x = 255 * torch.rand(1, 3, 32, length, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x.requires_grad_(True)
    network.maps(x)[..., at].sum().backward()
    reached = torch.nonzero(x.grad.abs().sum((0, 1, 2))).squeeze()
    assert int(reached.min()) >= at - radius
    assert int(reached.max()) <= at + radius
    # The bound is not idle: the network does look further than half of it.
    assert int(reached.max()) - at > radius // 2


def test_network_maps_takes_bytes_and_gives_probabilities():
    network = build("unet-small")
    batch = torch.randint(0, 256, (2, 20, 30, 3), dtype=torch.uint8).numpy()
    maps = network_maps(network, batch)
    with torch.no_grad():
        expected = network.maps(torch.from_numpy(batch).permute(0, 3, 1, 2).float())
    assert maps.shape == (2, 2, 20, 30)
    torch.testing.assert_close(torch.from_numpy(maps), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("preset", PRESETS)
def test_maps_are_the_first_two_heads(preset):
    network = build(preset)
    x = 255 * torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        torch.testing.assert_close(network.maps(x), torch.sigmoid(network.logits(x)[:, :2]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("encoder", "reach"), [("lite0", 224), ("lite0", 150), ("lite0", 96), ("lite2", 112)])
def test_a_narrowed_network_sees_as_far_as_is_said_and_answers_alike_to_even_images(encoder, reach):
    torch.manual_seed(0)
    wide = build_network(Architecture(preset="unet-lite", encoder=encoder)).eval()
    assert wide.margin <= receptive_radius(wide)
    narrowed = copy.deepcopy(wide)  # with the margin that was measured
    narrow(narrowed, reach)
    assert reach - 32 <= narrowed.margin <= receptive_radius(narrowed) <= reach
    even = torch.full((1, 3, 640, 640), 90.0)
    middle = (..., slice(304, 336), slice(304, 336))
    with torch.no_grad():
        torch.testing.assert_close(narrowed(even)["mask"][middle], wide(even)["mask"][middle], rtol=1e-4, atol=1e-4)
    rebuilt = build_network(Architecture(preset="unet-lite", encoder=encoder, reach=reach))
    rebuilt.load_state_dict(narrowed.state_dict())


def test_a_network_cannot_see_less_far_than_kernels_of_one_pixel():
    with pytest.raises(NusegError, match=r"network.reach=64: expected 96 px or more"):
        build_network(Architecture(preset="unet-lite", reach=64))
