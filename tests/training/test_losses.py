"""The loss on hand-made tensors."""

import pytest
import torch

from nuseg.model.heads.distance import absolute_error
from nuseg.model.heads.mask import soft_dice_loss
from nuseg.model.registry import find_heads
from nuseg.training.config import Optimiser
from nuseg.training.losses import pixel_weights, segmentation_loss

HEADS = find_heads(("mask", "distance", "offsets"))
CHANNELS = {"mask": 1, "distance": 1, "offsets": 2}


def test_dice_loss_by_hand():
    probability = torch.tensor([1.0, 1.0, 0.0, 0.0])
    target = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert soft_dice_loss(probability, target, eps=0) == pytest.approx(1 - 2 * 1 / 4)
    assert soft_dice_loss(target, target) == pytest.approx(0)
    assert soft_dice_loss(torch.zeros(4), torch.zeros(4)) == pytest.approx(0)


def test_absolute_error_by_hand():
    distance, target = torch.tensor([0.5, 1.0, 0.0]), torch.tensor([1.0, 1.0, 0.5])
    assert absolute_error(distance, target, torch.tensor([1.0, 1.0, 2.0])) == pytest.approx((0.5 + 2 * 0.5) / 4)


def by_head(channels: torch.Tensor) -> dict[str, torch.Tensor]:
    return dict(zip(CHANNELS, channels.split(list(CHANNELS.values()), dim=1), strict=True))


def loss(
    logits: torch.Tensor, targets: torch.Tensor, instance: list[bool], touching_weight: float, **weights: float
) -> dict[str, torch.Tensor]:
    """Loss of four channels of logits, and of five of targets, the last of which says where nuclei touch."""
    weight = pixel_weights(targets[:, :1], targets[:, 4:], touching_weight)
    return segmentation_loss(HEADS, by_head(logits), by_head(targets[:, :4]), weight, torch.tensor(instance), weights)


def example(*, touching: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    logits = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.rand(2, 5, 4, 4, generator=torch.Generator().manual_seed(1))
    targets[:, 4] = 0
    targets[:, 4, 1, 1] = touching
    return logits, targets


def test_binary_images_teach_neither_distances_nor_where_nuclei_touch():
    gradients = []
    for touching in (0.0, 1.0):
        logits, targets = example(touching=touching)
        loss(logits, targets, [True, False], 4.0)["loss"].backward()
        gradients.append(logits.grad)
        assert (logits.grad[0, 1:].abs().sum((1, 2)) > 0).all()
        assert logits.grad[1, 1:].abs().sum() == 0
        assert logits.grad[1, 0].abs().sum() > 0
    plain, emphasised = gradients
    assert (emphasised[0, 1:, 1, 1].abs() > 2 * plain[0, 1:, 1, 1].abs()).all()
    assert (emphasised[0, 1:, 2, 2].abs() < plain[0, 1:, 2, 2].abs()).all()
    torch.testing.assert_close(emphasised[:, 0], plain[:, 0])


def test_without_emphasis_touching_counts_nothing():
    with_touching, without = (loss(*example(touching=touching), [True, True], 0.0)["loss"] for touching in (1.0, 0.0))
    assert with_touching == without


def test_background_counts_a_quarter_in_the_distance_loss():
    logits = torch.zeros(1, 4, 1, 2)
    targets = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]], [[0.5, 0.0]], [[0.1, 0.0]], [[0.0, 0.0]]]])
    parts = loss(logits, targets, [True], 0.0)
    assert parts["distance"] == pytest.approx(0.5)
    assert parts["offset"] == pytest.approx((0.5 + 0.1) / 2 / 1.25)
    logits[0, 1, 0, 1] = 100
    parts = loss(logits, targets, [True], 0.0)
    assert parts["distance"] == pytest.approx((0.5 + 0.25) / 1.25)


def test_a_batch_of_binary_images_only():
    logits = torch.zeros(1, 4, 4, 4)
    parts = loss(logits, torch.zeros(1, 5, 4, 4), [False], 4.0)
    assert parts["distance"] == parts["offset"] == 0
    assert parts["bce"] == pytest.approx(0.6931, abs=1e-3)


def test_the_parts_add_up():
    logits, targets = example(touching=1.0)
    parts = loss(logits.detach(), targets, [True, True], 2.0, dice=0.5, distance=3.0, offset=0.25)
    expected = parts["bce"] + 0.5 * parts["dice"] + 3 * parts["distance"] + 0.25 * parts["offset"]
    assert parts["loss"] == pytest.approx(expected)


def test_weights_of_the_parts_come_from_the_configuration():
    how = Optimiser(dice_weight=0.5, offset_weight=0.25, head_weights={"rim": 2})
    assert how.part_weights == {"dice": 0.5, "distance": 3.0, "offset": 0.25, "rim": 2}
