"""Averages of weights: over the steps of a training, and with those that it started from."""

import copy
from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def ema(average: Tensor, current: Tensor, count: Tensor | int, decay: float) -> Tensor:
    """Exponential moving average whose memory grows from nothing, so that early weights are forgotten soon."""
    if not average.is_floating_point():
        return current
    return average.lerp(current, 1 - min(decay, (1 + int(count)) / (10 + int(count))))


def drawn_towards(network: Network, start: Mapping[str, Tensor], share: float) -> Network:
    """A copy of a fine-tuned network, its weights drawn back towards those that it started from.

    Between the two lie networks that know what is new nearly as well, and forget less of what they knew.

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.

    Parameters
    ----------
    network
        Fine-tuned.
    start
        Weights of the same network before, by name; those that it did not have stay as they are.
    share
        Of the start's weights in the result, 0..1.
    """
    drawn = copy.deepcopy(network)
    drawn.load_state_dict(
        {
            name: value.lerp(start[name].to(value.device), share)
            if value.is_floating_point() and name in start
            else value
            for name, value in network.state_dict().items()
        }
    )
    return drawn
