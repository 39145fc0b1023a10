"""What a training starts from: a network that cannot be a model in the end is refused before anything is learned."""

import pytest
import torch
from torch import Tensor, nn

from nuseg.errors import NusegError
from nuseg.model.network import Network, Wrapped
from nuseg.model.registry import find_heads
from nuseg.training import start
from nuseg.training.config import TrainConfig
from nuseg.training.start import start_network


class Bessel(nn.Module):
    """ONNX has no such function."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x[:, :2])


@pytest.mark.parametrize(("body", "refused"), [(Bessel(), True), (nn.Conv2d(3, 2, 3, padding=1), False)])
def test_a_network_from_outside_must_be_one_that_can_be_exported(
    body: nn.Module, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> Network:
        return Wrapped(body, 3, find_heads(("mask", "distance")), stride=2, margin=2).train()

    monkeypatch.setattr(start, "build_network", build)
    if refused:
        with pytest.raises(NusegError, match=r"^network: expected one that can be written as an ONNX graph"):
            start_network(TrainConfig(), None)
    else:
        assert start_network(TrainConfig(), None).training
