"""How far networks see: by hand for small ones, and refused where a margin would be a lie."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nuseg.errors import NusegError
from nuseg.model.config import Architecture
from nuseg.model.network import Wrapped, build_network
from nuseg.model.reach import check_tiling, measure_margin
from nuseg.model.registry import find_heads
from nuseg.model.unet import receptive_radius

HEADS = find_heads(("mask", "distance"))


def conv(inputs: int, outputs: int, kernel: int = 3, **how: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=how.get("dilation", 1) * (kernel // 2), **how)


def network(*layers: nn.Module, stride: int = 1, margin: int | None = None) -> Wrapped:
    torch.manual_seed(0)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return Wrapped(nn.Sequential(*layers), 3, HEADS, stride, margin)


class Squeezed(nn.Module):
    """What a squeeze-and-excitation does: every pixel times a number that the whole image decides."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


class Aligned(nn.Module):
    """To half the size and back, with corners aligned: where a pixel is taken from depends on the image's size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear", align_corners=True)


@pytest.mark.parametrize(
    ("layers", "stride", "margin"),
    [
        ([conv(3, 2, 1)], 1, 0),
        ([conv(3, 2)], 1, 1),
        ([conv(3, 4), nn.BatchNorm2d(4), nn.ReLU6(), conv(4, 2, 5)], 1, 3),
        ([conv(3, 2, dilation=4)], 1, 4),
        # At half the size a step is two pixels: 1 + 2.
        ([conv(3, 4), nn.MaxPool2d(2), conv(4, 4), nn.ConvTranspose2d(4, 2, 2, stride=2)], 2, 4),
        ([nn.MaxPool2d(4), nn.Upsample(scale_factor=4), conv(3, 2, 1)], 4, 0),
    ],
)
def test_the_margin_by_hand(layers, stride, margin):
    measured = network(*layers, stride=stride)
    assert measured.margin == margin
    check_tiling(measured)


@pytest.mark.parametrize("preset", ["unet-small", "unet-lite"])
def test_the_margin_that_our_own_networks_state_is_true(preset):
    torch.manual_seed(0)
    built = build_network(Architecture(preset=preset))
    assert built.margin == measure_margin(built) <= receptive_radius(built)
    check_tiling(built)


def test_what_sees_the_whole_image_has_no_margin():
    with pytest.raises(NusegError, match="depends on more than 1024 px around it"):
        measure_margin(network(conv(3, 2), Squeezed()))


@pytest.mark.parametrize(
    "wrong",
    [
        network(conv(3, 4), conv(4, 2), margin=1),
        network(conv(3, 2), nn.AvgPool2d(2), nn.Upsample(scale_factor=2), stride=1, margin=6),
        network(conv(3, 2), Squeezed(), margin=200),
        network(conv(3, 2), Aligned(), stride=2, margin=16),
    ],
    ids=["margin too small", "stride too small", "global", "aligned corners"],
)
def test_a_wrong_margin_or_stride_is_refused(wrong):
    with pytest.raises(NusegError, match=r"depends on more than its margin|cannot be run on an image of"):
        check_tiling(wrong)
