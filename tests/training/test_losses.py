"""The loss on hand-made tensors."""

import pytest
import torch

from nuseg.training.losses import distance_loss, segmentation_loss, soft_dice_loss


def test_dice_loss_by_hand():
    probability = torch.tensor([1.0, 1.0, 0.0, 0.0])
    target = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert soft_dice_loss(probability, target, eps=0) == pytest.approx(1 - 2 * 1 / 4)
    assert soft_dice_loss(target, target) == pytest.approx(0)
    assert soft_dice_loss(torch.zeros(4), torch.zeros(4)) == pytest.approx(0)


def test_background_counts_a_quarter_in_the_distance_loss():
    mask = torch.tensor([1.0, 0.0])
    target = torch.tensor([1.0, 0.0])
    assert distance_loss(torch.tensor([0.0, 0.0]), target, mask) == pytest.approx(1 / 1.25)
    assert distance_loss(torch.tensor([1.0, 1.0]), target, mask) == pytest.approx(0.25 / 1.25)


def test_binary_images_do_not_teach_distances():
    logits = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    parts = segmentation_loss(logits, targets, torch.tensor([True, False]), 1.0, 1.0)
    parts["loss"].backward()
    assert logits.grad[0, 1].abs().sum() > 0
    assert logits.grad[1, 1].abs().sum() == 0
    assert logits.grad[1, 0].abs().sum() > 0


def test_a_batch_of_binary_images_only():
    logits = torch.zeros(1, 2, 4, 4)
    parts = segmentation_loss(logits, torch.zeros(1, 2, 4, 4), torch.tensor([False]), 1.0, 1.0)
    assert parts["distance"] == 0
    assert parts["bce"] == pytest.approx(0.6931, abs=1e-3)


def test_the_parts_add_up():
    logits = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.rand(1, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    parts = segmentation_loss(logits, targets, torch.tensor([True]), dice_weight=0.5, distance_weight=3.0)
    assert parts["loss"] == pytest.approx(parts["bce"] + 0.5 * parts["dice"] + 3 * parts["distance"])
