"""The U-Net (Ronneberger, Fischer & Brox, MICCAI 2015), with same padding, batch normalisation and named heads."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.model.encoder import LiteEncoder
from nuseg.model.head import Head, count_channels
from nuseg.model.network import Network

STRIDE = 16  # four halvings, in every preset


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class ContractingPath(nn.Module):
    """The paper's encoder: a double convolution at each scale, max-pooling between them."""

    def __init__(self, in_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        inputs = (in_channels, *widths[:-1])
        stages: list[nn.Module] = [DoubleConv(i, o) for i, o in zip(inputs, widths, strict=True)]
        self.stages = nn.ModuleList([stages[0], *(nn.Sequential(nn.MaxPool2d(2), stage) for stage in stages[1:])])
        self.in_channels = in_channels
        self.channels = widths
        self.first_stride = 1

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class ExpandingStage(nn.Module):
    """Up-convolution to twice the size, concatenation with the skip connection, double convolution."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.convs = DoubleConv(outputs + skip, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        features: Tensor = self.convs(torch.cat([skip, self.up(x)], dim=1))
        return features


class UNet(Network):
    """Contracting path, bottleneck, expanding path, and one convolution for all heads.

    The expanding path ends where the contracting path's first features are. EfficientNet's are at half resolution:
    there the heads give each pixel's four quarters as channels of their own (sub-pixel convolution, Shi et al., CVPR
    2016), which is an up-convolution in one step for all maps.

    Parameters
    ----------
    encoder
        The contracting path: features from scale to scale, the deepest last.
    widths
        Channels of the expanding path, from the deepest scale up.
    heads
        What the network gives for each pixel.
    """

    def __init__(self, encoder: ContractingPath | LiteEncoder, widths: tuple[int, ...], heads: Sequence[Head]) -> None:
        super().__init__(encoder.in_channels, heads, STRIDE)
        self.encoder = encoder
        *skips, bottleneck = encoder.channels
        inputs = (bottleneck, *widths[:-1])
        self.decoder = nn.ModuleList(
            ExpandingStage(i, s, o) for i, s, o in zip(inputs, reversed(skips), widths, strict=True)
        )
        self.heads = nn.Conv2d(widths[-1], self.folded_channels(self.outputs), 1)

    @cached_property
    def margin(self) -> int:  # type: ignore[override]
        return receptive_radius(self)

    def logits(self, x: Tensor) -> Tensor:
        return self.unfold(self.heads(self.features(x)), x.shape[-2:])

    def maps(self, x: Tensor) -> Tensor:
        """What the model gives; heads that are only learned are not computed."""
        if any(head.activation != "sigmoid" for head in self.exported):
            return super().maps(x)
        kept = self.folded_channels(self.exported)
        folded = F.conv2d(self.features(x), self.heads.weight[:kept], self.heads.bias[:kept])  # type: ignore[index]
        # The sigmoid comes before the maps are unfolded: there it finds its numbers side by side.
        return self.unfold(torch.sigmoid(folded), x.shape[-2:])

    def features(self, x: Tensor) -> Tensor:
        """The last features of the expanding path, from which all maps are made."""
        *skips, x = self.encoder(self.prepare(x))
        for stage in self.decoder:
            x = stage(x, skips.pop())
        return x

    def folded_channels(self, heads: Sequence[Head]) -> int:
        """Channels that these heads have where they are computed."""
        return count_channels(heads) * self.encoder.first_stride**2

    def unfold(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Maps at full resolution, of `size` (height, width)."""
        stride = self.encoder.first_stride
        if stride > 1:
            maps = F.pixel_shuffle(maps, stride)
        return maps[..., : size[0], : size[1]]


def receptive_radius(network: UNet) -> int:
    """How far, in pixels, a pixel of the image can change the output: the margin that a window needs.

    A kernel of size k reaches k // 2 steps of its scale, a halving doubles the step. Summed over the deepest way
    through the network: an upper bound, since the kernels of a pooling and of an up-convolution reach to one side
    only. Rounded up to the stride, so that windows stay aligned.
    """
    radius, step = 0, 1
    for module in network.encoder.modules():
        if isinstance(module, nn.Conv2d):
            radius += (module.kernel_size[0] // 2) * step
            step *= module.stride[0]
        elif isinstance(module, nn.MaxPool2d):
            radius += step
            step *= 2
    for _ in network.decoder:
        step //= 2
        radius += 3 * step  # one for the up-convolution's side, one for each 3x3 convolution
    radius += step // 2  # heads below full resolution
    return -(-radius // STRIDE) * STRIDE
