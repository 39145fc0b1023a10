"""The U-Net (Ronneberger, Fischer & Brox, MICCAI 2015), with same padding, batch normalisation and two heads."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.model.config import HEADS, MAPS, Architecture
from nuseg.model.encoder import LiteEncoder, load_imagenet

STRIDE = 16  # four halvings, in every preset
# EfficientNet-Lite was trained on (pixel - 127) / 128; every preset uses it.
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0


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
        return self.convs(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """Contracting path, bottleneck, expanding path, and a head for each map.

    The expanding path ends where the contracting path's first features are. EfficientNet's are at half resolution:
    there the heads give each pixel's four quarters as channels of their own (sub-pixel convolution, Shi et al., CVPR
    2016), which is an up-convolution in one step for all maps.

    Input `(n, channels, height, width)` float32, pixel values 0..255, any height and width; output
    `(n, 4, height, width)` logits, one map for each of `HEADS`: the nuclei mask; the normalised distance to the
    nucleus' border, which tells touching nuclei apart; and the offsets from its middle, which are only there to be
    learned: to know them, a network must see which pixels belong together.
    """

    def __init__(self, encoder: ContractingPath | LiteEncoder, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        *skips, bottleneck = encoder.channels
        inputs = (bottleneck, *widths[:-1])
        self.decoder = nn.ModuleList(
            ExpandingStage(i, s, o) for i, s, o in zip(inputs, reversed(skips), widths, strict=True)
        )
        self.heads = nn.Conv2d(widths[-1], len(HEADS) * encoder.first_stride**2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.unfold(self.heads(self.features(x)), x.shape[-2:])

    def maps(self, x: Tensor) -> Tensor:
        """What nuclei are found from, `(n, 2, height, width)` in 0..1: mask and distance."""
        kept = len(MAPS) * self.encoder.first_stride**2
        folded = F.conv2d(self.features(x), self.heads.weight[:kept], self.heads.bias[:kept])  # type: ignore[index]
        # The sigmoid comes before the maps are unfolded: there it finds its numbers side by side.
        return self.unfold(torch.sigmoid(folded), x.shape[-2:])

    def features(self, x: Tensor) -> Tensor:
        """The last features of the expanding path, from which all maps are made."""
        height, width = x.shape[-2:]
        x = (x - PIXEL_MEAN) / PIXEL_SCALE
        # Odd sizes are padded on the far side by repeating the last row and column, and cropped back at the end.
        x = F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        *skips, x = self.encoder(x)
        for stage in self.decoder:
            x = stage(x, skips.pop())
        return x

    def unfold(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Maps at full resolution, of `size` (height, width)."""
        stride = self.encoder.first_stride
        if stride > 1:
            maps = F.pixel_shuffle(maps, stride)
        return maps[..., : size[0], : size[1]]


WIDTHS = {
    "unet": (64, 128, 256, 512, 1024),
    "unet-small": (16, 32, 64, 128, 256),
}


def build_unet(architecture: Architecture, pretrained: bool = False) -> UNet:
    """Build the network of a preset.

    Parameters
    ----------
    architecture
        Preset, input channels and, for `unet-lite`, size of the encoder and widths of the expanding path.
    pretrained
        Start `unet-lite`'s encoder from its ImageNet weights. The other presets have none.

    Raises
    ------
    NusegError
        The ImageNet weights are wanted but not installed.
    """
    if architecture.preset == "unet-lite":
        lite = LiteEncoder(architecture.in_channels, architecture.encoder)
        if pretrained:
            load_imagenet(lite)
        return UNet(lite, architecture.decoder)
    widths = WIDTHS[architecture.preset]
    return UNet(ContractingPath(architecture.in_channels, widths), widths[-2::-1])


def network_maps(network: UNet, batch: np.ndarray) -> np.ndarray:
    """Run a PyTorch network as an engine does: `(n, h, w, 3)` uint8 to `(n, 2, h, w)` float32 in 0..1."""
    parameter = next(network.parameters())
    x = torch.from_numpy(batch).to(parameter.device).permute(0, 3, 1, 2).to(parameter.dtype)
    with torch.inference_mode():
        maps = network.maps(x.contiguous(memory_format=torch.channels_last)).float()
    return maps.cpu().numpy()


def count_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


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
