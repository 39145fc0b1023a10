"""The loss on hand-made tensors."""

import pytest
import torch

from nuseg.training.losses import absolute_error, segmentation_loss, soft_dice_loss


def test_dice_loss_by_hand():
    probability = torch.tensor([1.0, 1.0, 0.0, 0.0])
    target = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert soft_dice_loss(probability, target, eps=0) == pytest.approx(1 - 2 * 1 / 4)
    assert soft_dice_loss(target, target) == pytest.approx(0)
    assert soft_dice_loss(torch.zeros(4), torch.zeros(4)) == pytest.approx(0)


def test_absolute_error_by_hand():
    distance, target = torch.tensor([0.5, 1.0, 0.0]), torch.tensor([1.0, 1.0, 0.5])
    assert absolute_error(distance, target, torch.tensor([1.0, 1.0, 2.0])) == pytest.approx((0.5 + 2 * 0.5) / 4)


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
        segmentation_loss(logits, targets, torch.tensor([True, False]), 1.0, 1.0, 1.0, 4.0)["loss"].backward()
        gradients.append(logits.grad)
        assert (logits.grad[0, 1:].abs().sum((1, 2)) > 0).all()
        assert logits.grad[1, 1:].abs().sum() == 0
        assert logits.grad[1, 0].abs().sum() > 0
    plain, emphasised = gradients
    assert (emphasised[0, 1:, 1, 1].abs() > 2 * plain[0, 1:, 1, 1].abs()).all()
    assert (emphasised[0, 1:, 2, 2].abs() < plain[0, 1:, 2, 2].abs()).all()
    torch.testing.assert_close(emphasised[:, 0], plain[:, 0])


def test_without_emphasis_touching_counts_nothing():
    instance = torch.tensor([True, True])
    with_touching, without = (
        segmentation_loss(*example(touching=touching), instance, 1.0, 1.0, 1.0, 0.0)["loss"] for touching in (1.0, 0.0)
    )
    assert with_touching == without


def test_background_counts_a_quarter_in_the_distance_loss():
    logits = torch.zeros(1, 4, 1, 2)
    targets = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]], [[0.5, 0.0]], [[0.1, 0.0]], [[0.0, 0.0]]]])
    parts = segmentation_loss(logits, targets, torch.tensor([True]), 1.0, 1.0, 1.0, 0.0)
    assert parts["distance"] == pytest.approx(0.5)
    assert parts["offset"] == pytest.approx((0.5 + 0.1) / 2 / 1.25)
    logits[0, 1, 0, 1] = 100
    parts = segmentation_loss(logits, targets, torch.tensor([True]), 1.0, 1.0, 1.0, 0.0)
    assert parts["distance"] == pytest.approx((0.5 + 0.25) / 1.25)


def test_a_batch_of_binary_images_only():
    logits = torch.zeros(1, 4, 4, 4)
    parts = segmentation_loss(logits, torch.zeros(1, 5, 4, 4), torch.tensor([False]), 1.0, 1.0, 1.0, 4.0)
    assert parts["distance"] == parts["offset"] == 0
    assert parts["bce"] == pytest.approx(0.6931, abs=1e-3)


def test_the_parts_add_up():
    logits, targets = example(touching=1.0)
    weights = {"dice_weight": 0.5, "distance_weight": 3.0, "offset_weight": 0.25, "touching_weight": 2.0}
    parts = segmentation_loss(logits.detach(), targets, torch.tensor([True, True]), **weights)
    expected = parts["bce"] + 0.5 * parts["dice"] + 3 * parts["distance"] + 0.25 * parts["offset"]
    assert parts["loss"] == pytest.approx(expected)
