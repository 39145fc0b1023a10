"""How far a network sees: measured, and checked, since tiles are only exact where its margin is true."""

import copy

import torch
from torch import Tensor, nn

from nuseg.errors import NusegError
from nuseg.model.network import Network
from nuseg.model.stride import round_up
from nuseg.text import one_line

REACHES = (128, 256, 512, 1024)  # px; tried one after the other: a network that sees further reads more than it gives
CLOSE = 1e-9  # share of the largest logit; in 64 bits what differs by more differs not by rounding


def measure_margin(network: Network) -> int:
    """Measure how far, in pixels, a pixel of the image can change the output, rounded up to the stride.

    A copy of the network in which every kernel is a mean shows by its gradient which pixels of the image reach an
    output at all: all that it adds up is positive, so that nothing cancels out.

    Raises
    ------
    NusegError
        It sees further than the last of `REACHES`, or the whole image.
    """
    stride, probe = network.stride, of_means(network)
    for reach in (round_up(length, stride) for length in REACHES):
        image = 200 + 55 * noise(network.in_channels, stride, 2 * reach + stride)
        image.requires_grad_(True)
        (gradient,) = torch.autograd.grad(run(probe, image)[..., reach : reach + stride].sum(), image)
        reached = torch.nonzero(gradient.abs().sum((0, 1, 2))).flatten().tolist()
        if reached and reached[0] > 0 and reached[-1] < image.shape[-1] - 1:
            return round_up(max(reach - reached[0], reached[-1] - (reach + stride - 1)), stride)
    raise NusegError(
        f"network: each pixel of its output depends on more than {REACHES[-1]} px around it (as with global pooling, "
        "squeeze-and-excitation or attention), so that tiles would not give the maps of the whole image: choose "
        "another architecture or encoder"
    )


def of_means(network: Network) -> Network:
    """A copy in 64 bits whose kernels are positive, and so small that no activation saturates."""
    probe, generator = copy.deepcopy(network).double().eval(), torch.Generator().manual_seed(0)
    for module in list(probe.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # Not all the same: normalisation over channels would leave nothing of equal ones.
            nn.init.uniform_(module.weight, 0.25, 0.75, generator)
            module.weight.data /= module.weight[0].numel()
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):  # whose gradient goes to one pixel of each square
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
    return probe


def check_tiling(network: Network) -> None:
    """Check that a window with the network's margin gives what the whole image gives.

    Raises
    ------
    NusegError
        It does not: the margin or the stride is not what the network says.
    """
    probe = copy.deepcopy(network).double().eval()
    stride, margin = network.stride, round_up(network.margin, network.stride)
    image = 255 * noise(network.in_channels, stride, 2 * margin + 5 * stride)
    window = slice(2 * stride, 2 * margin + 3 * stride)
    whole = torch.full_like(image, 255)
    whole[..., window] = image[..., window]
    for along in (3, 2):  # of a strip that lies, and one that stands
        with torch.no_grad():
            expected = run(probe, whole.transpose(3, along)).transpose(3, along)[..., margin + 2 * stride :]
            found = run(probe, whole[..., window].transpose(3, along)).transpose(3, along)[..., margin:]
        expected, found = expected[..., :stride], found[..., :stride]
        if not (found - expected).abs().max() <= CLOSE * expected.abs().max():
            raise NusegError(
                f"network: its output depends on more than its margin of {margin} px, or on where a window of stride "
                f"{stride} px begins, so that tiles would not give the maps of the whole image: correct its margin "
                "and stride, or choose an architecture without global pooling, attention and aligned corners"
            )


def run(network: Network, image: Tensor) -> Tensor:
    """Logits of a narrow image, or why there are none."""
    try:
        return network.logits(image)
    except Exception as error:  # any module fails in its own way
        height, width = image.shape[-2:]
        raise NusegError(
            f"network: cannot be run on an image of {width} x {height} px ({one_line(error)}): choose an architecture "
            "that takes images of any size"
        ) from error


def noise(channels: int, height: int, width: int) -> Tensor:
    """A random image `(1, channels, height, width)` float64 of 0..1, always the same."""
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
