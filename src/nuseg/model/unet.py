"""The U-Net (Ronneberger, Fischer & Brox, MICCAI 2015), with same padding, batch normalisation and named heads."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.errors import NusegError
from nuseg.model.encoder import LiteEncoder
from nuseg.model.head import Head, count_channels
from nuseg.model.network import Network
from nuseg.model.reach import measure_margin
from nuseg.model.stride import round_up

STRIDE = 16  # four halvings, in every preset
CLASS_STAGE, CLASS_STRIDE = 1, 4  # stage of the expanding path whose features tell classes, and its stride


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


class ClassBranch(nn.Module):
    """What tells the class of a nucleus: convolutions of its own on features around it and of the bottleneck.

    Segmenting does not need to know what kind of nucleus it sees; features at a quarter of the resolution, with those
    of the widest view, do. So does a class for every quarter of the resolution: that of a nucleus is a mean.

    Parameters
    ----------
    features, bottleneck
        Channels of both.
    width
        Channels between.
    classes
        How many.
    """

    def __init__(self, features: int, bottleneck: int, width: int, classes: int) -> None:
        super().__init__()
        self.deep = nn.Conv2d(bottleneck, width, 1)
        self.convs = DoubleConv(features + width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, features: Tensor, bottleneck: Tensor) -> Tensor:
        deep = F.interpolate(self.deep(bottleneck), scale_factor=STRIDE // CLASS_STRIDE, mode="nearest")
        logits: Tensor = self.head(self.convs(torch.cat([features, deep], dim=1)))
        return logits


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
    class_width
        Channels of the branch that the class head has, where there is one among the heads.
    """

    def __init__(
        self,
        encoder: ContractingPath | LiteEncoder,
        widths: tuple[int, ...],
        heads: Sequence[Head],
        class_width: int = 32,
    ) -> None:
        super().__init__(encoder.in_channels, heads, STRIDE)
        self.encoder = encoder
        *skips, bottleneck = encoder.channels
        inputs = (bottleneck, *widths[:-1])
        self.decoder = nn.ModuleList(
            ExpandingStage(i, s, o) for i, s, o in zip(inputs, reversed(skips), widths, strict=True)
        )
        self.shared = tuple(head for head in self.outputs if head.made_for is None)
        self.heads = nn.Conv2d(widths[-1], self.folded_channels(self.shared), 1)
        self.of_branch = next((head for head in self.outputs if head.made_for is not None), None)
        if self.of_branch is not None:
            self.branch = ClassBranch(widths[CLASS_STAGE], bottleneck, class_width, len(self.of_branch.channels))

    @cached_property
    def margin(self) -> int:  # type: ignore[override]
        return measure_margin(self)

    def logits(self, x: Tensor) -> Tensor:
        features, of_branch = self.features(x)
        shared = self.heads(features)
        return self.unfold(self.in_order(self.outputs, shared, of_branch), x.shape[-2:])

    def branch_logits(self, x: Tensor) -> dict[str, Tensor]:
        assert self.of_branch is not None, "has no branch"
        assert self.branch is not None
        with torch.no_grad():
            *skips, bottleneck = self.encoder(self.prepare(x))
            features = bottleneck
            for stage in self.decoder[: CLASS_STAGE + 1]:
                features = stage(features, skips.pop())
        logits = F.interpolate(self.branch(features, bottleneck), scale_factor=CLASS_STRIDE, mode="nearest")
        return {self.of_branch.name: logits[..., : x.shape[-2], : x.shape[-1]]}

    def maps(self, x: Tensor) -> Tensor:
        """What the model gives; heads that are only learned are not computed."""
        kept = tuple(head for head in self.shared if head.exported)
        if any(head.activation != "sigmoid" for head in kept):
            return super().maps(x)
        features, of_branch = self.features(x)
        count = self.folded_channels(kept)
        folded = F.conv2d(features, self.heads.weight[:count], self.heads.bias[:count])  # type: ignore[index]
        # Sigmoid and softmax come before the maps are unfolded: there they find their numbers side by side, or fewer.
        classes = None if of_branch is None else of_branch.softmax(dim=1)
        return self.unfold(self.in_order(self.exported, torch.sigmoid(folded), classes), x.shape[-2:])

    def features(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The last features of the expanding path, from which most maps are made, and the logits of the branch."""
        *skips, x = self.encoder(self.prepare(x))
        bottleneck, of_branch = x, None
        for number, stage in enumerate(self.decoder):
            x = stage(x, skips.pop())
            if number == CLASS_STAGE and self.branch is not None:
                of_branch = self.branch(x, bottleneck)
        return x, of_branch

    def in_order(self, heads: Sequence[Head], shared: Tensor, of_branch: Tensor | None) -> Tensor:
        """Put the folded channels of heads that share features, and what the branch gives, in the order of `heads`."""
        if of_branch is None or self.of_branch is None:
            return shared
        stride = self.encoder.first_stride
        own = F.interpolate(of_branch, scale_factor=CLASS_STRIDE // stride, mode="nearest")
        sharing = [head for head in heads if head is not self.of_branch]
        parts = torch.split(shared, [self.folded_channels([head]) for head in sharing], dim=1)
        by_name = dict(zip((head.name for head in sharing), parts, strict=True))
        by_name[self.of_branch.name] = own.repeat_interleave(stride**2, dim=1)
        return torch.cat([by_name[head.name] for head in heads], dim=1)

    def folded_channels(self, heads: Sequence[Head]) -> int:
        """Channels that these heads have where they are computed."""
        return count_channels(heads) * self.encoder.first_stride**2

    def unfold(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Maps at full resolution, of `size` (height, width)."""
        stride = self.encoder.first_stride
        if stride > 1:
            maps = F.pixel_shuffle(maps, stride)
        return maps[..., : size[0], : size[1]]


def narrow(network: UNet, reach: int) -> None:
    """Narrow the kernels of the deepest scale, the last first, until no pixel sees farther than `reach` px.

    What a kernel loses at its rim is added to what is left beside it, so that it answers to even features as before.
    A network that was trained has to be trained on.

    Raises
    ------
    NusegError
        Not even kernels of one pixel there are enough.
    """
    assert isinstance(network.encoder, LiteEncoder)
    vars(network).pop("margin", None)  # that was measured before
    kernels = [
        module
        for module in network.encoder.stages[-2:].modules()
        if isinstance(module, nn.Conv2d) and module.stride == (1, 1)
    ]
    for kernel in reversed(kernels):
        while kernel.kernel_size[0] > 1 and receptive_radius(network) > reach:
            side = kernel.kernel_size[0] - 2
            nearest = [min(max(place, 0), side - 1) for place in range(-1, side + 1)]
            folded = kernel.weight.new_zeros(*kernel.weight.shape[:2], side, side)
            for y, row in enumerate(nearest):
                for x, column in enumerate(nearest):
                    folded[..., row, column] += kernel.weight.detach()[..., y, x]
            kernel.weight = nn.Parameter(folded)
            kernel.kernel_size, kernel.padding = (side, side), (side // 2, side // 2)
    least = receptive_radius(network)
    if least > reach:
        raise NusegError(f"network.reach={reach}: expected {least} px or more with this encoder and expanding path")


def receptive_radius(network: UNet) -> int:
    """How far, in pixels, a pixel of the image can change the output at most, by the kernels alone.

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
    of_branch = 0
    for number, _ in enumerate(network.decoder):
        step //= 2
        radius += 3 * step  # one for the up-convolution's side, one for each 3x3 convolution
        if number == CLASS_STAGE and network.branch is not None:
            # Two 3x3 convolutions, and up to three pixels within its own; the bottleneck itself sees less far.
            of_branch = radius + 2 * step + step
    radius = max(radius + step // 2, of_branch)  # heads below full resolution
    return round_up(radius, STRIDE)
