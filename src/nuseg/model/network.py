"""What every network is, whatever its architecture: pixels in, one named output for each head out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nuseg.model.config import Architecture
from nuseg.model.head import Activation, Head
from nuseg.model.registry import architectures

# EfficientNet-Lite was trained on (pixel - 127) / 128; every network uses it.
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softmax": partial(torch.softmax, dim=1),
    "tanh": torch.tanh,
}


class Network(nn.Module, ABC):
    """A network with named outputs.

    Input of `forward` and `maps` is `(n, in_channels, height, width)` float32, pixel values 0..255, of any height and
    width.

    Parameters
    ----------
    in_channels
        Of the image.
    heads
        Its outputs; those that are exported come first in what follows, else in this order.
    stride
        Windows must start at multiples of this many pixels to give the maps of the whole image.

    Attributes
    ----------
    outputs : tuple of Head
        In the order of the channels of `logits`.
    margin : int
        How far (px) a pixel of the image can change the maps, a multiple of `stride`.
    pretrained : str or None
        Name of the submodule that started from published weights, and learns more slowly.
    added : str or None
        Name of the submodule that the model which it starts from did not have.
    branch : Module or None
        What only the class head is made by, where it has convolutions of its own: all else can stay as it is while it
        learns.
    """

    margin: int
    pretrained: str | None = None
    added: str | None = None
    branch: nn.Module | None

    def __init__(self, in_channels: int, heads: Sequence[Head], stride: int) -> None:
        super().__init__()
        self.in_channels, self.stride = in_channels, stride
        self.branch = None
        self.outputs = tuple(sorted(heads, key=lambda head: not head.exported))

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """`(n, channels, height, width)` of all `outputs`, one after the other, before their activations."""

    def branch_logits(self, x: Tensor) -> dict[str, Tensor]:
        """What `forward` gives of the head of `branch` alone; the rest computes no gradients."""
        raise NotImplementedError("has no branch")

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits `(n, channels, height, width)` of each head by its name."""
        return self.split(self.logits(x), self.outputs)

    def maps(self, x: Tensor) -> Tensor:
        """What the model gives, `(n, k, height, width)` in 0..1: the channels of the exported heads."""
        by_name = self.split(self.logits(x), self.outputs)
        return torch.cat([ACTIVATIONS[head.activation](by_name[head.name]) for head in self.exported], dim=1)

    @property
    def exported(self) -> tuple[Head, ...]:
        """The heads whose maps the model gives."""
        return tuple(head for head in self.outputs if head.exported)

    @staticmethod
    def split(channels: Tensor, heads: Sequence[Head]) -> dict[str, Tensor]:
        """Share channels out to the heads that they belong to."""
        parts = torch.split(channels, [len(head.channels) for head in heads], dim=1)
        return {head.name: part for head, part in zip(heads, parts, strict=True)}

    def prepare(self, x: Tensor) -> Tensor:
        """Bring pixel values to about -1..1 and both sides to multiples of the stride.

        Odd sizes are padded on the far side by repeating the last row and column; the result is to be cropped.
        """
        height, width = x.shape[-2:]
        x = (x - PIXEL_MEAN) / PIXEL_SCALE
        return F.pad(x, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")


class Wrapped(Network):
    """A network around any module that gives one channel per channel of the heads, at the size of its input.

    Parameters
    ----------
    body
        `(n, in_channels, h, w)` of about -1..1, both sides multiples of `stride`, to `(n, channels, h, w)` logits.
    in_channels, heads, stride
        As for `Network`.
    margin
        How far (px) a pixel of the image can change the maps; None = measured when it is first asked for.
    """

    def __init__(
        self, body: nn.Module, in_channels: int, heads: Sequence[Head], stride: int, margin: int | None = None
    ) -> None:
        super().__init__(in_channels, heads, stride)
        self.body = body
        self.stated_margin = margin

    @cached_property
    def margin(self) -> int:  # type: ignore[override]
        from nuseg.model.reach import measure_margin
        from nuseg.model.stride import round_up

        return measure_margin(self) if self.stated_margin is None else round_up(self.stated_margin, self.stride)

    def logits(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        logits: Tensor = self.body(self.prepare(x))
        return logits[..., :height, :width]


def build_network(architecture: Architecture, pretrained: bool = False) -> Network:
    """Build a network.

    Parameters
    ----------
    architecture
        Which, and its settings.
    pretrained
        Start from published weights, where the preset has any.

    Raises
    ------
    NusegError
        There is no such preset or head, or the preset cannot be built so.
    """
    return architectures[architecture.preset].build(architecture, pretrained)


def network_maps(network: Network, batch: np.ndarray) -> np.ndarray:
    """Run a PyTorch network as an engine does: `(n, h, w, 3)` uint8 to `(n, k, h, w)` float32 in 0..1."""
    parameter = next(network.parameters())
    x = torch.from_numpy(batch).to(parameter.device).permute(0, 3, 1, 2).to(parameter.dtype)
    with torch.inference_mode():
        maps = network.maps(x.contiguous(memory_format=torch.channels_last)).float()
    return maps.cpu().numpy()


def count_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
