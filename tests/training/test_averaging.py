"""Averages of weights."""

import pytest
import torch
from torch import nn

from nuseg.training.averaging import drawn_towards, ema


def test_the_moving_average_forgets_early_weights_soon():
    average = torch.tensor(100.0)
    for count in range(200):
        average = ema(average, torch.tensor(0.0), count, 0.999)
    assert average < 0.01
    assert ema(torch.tensor(3), torch.tensor(5), 7, 0.9) == 5  # counters are not averaged


@pytest.mark.parametrize(("share", "expected"), [(0, 4.0), (0.25, 3.0), (1, 0.0)])
def test_weights_are_drawn_towards_the_start_and_the_network_stays_as_it_is(share, expected):
    network = nn.BatchNorm1d(1)
    nn.init.constant_(network.weight, 4.0)
    network.num_batches_tracked.fill_(7)
    start = {**network.state_dict(), "weight": torch.zeros(1), "num_batches_tracked": torch.tensor(3)}
    drawn = drawn_towards(network, start, share)
    assert drawn.weight.item() == pytest.approx(expected)
    assert drawn.num_batches_tracked == 7  # counters are not averaged
    assert network.weight.item() == 4.0
