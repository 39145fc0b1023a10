"""The loss on hand-made tensors."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nuseg.datasets.dataset import Dataset, Item
from nuseg.errors import NusegError
from nuseg.model.head import Head
from nuseg.model.heads.distance import absolute_error
from nuseg.model.heads.mask import soft_dice_loss
from nuseg.model.registry import find_heads
from nuseg.training.config import Optimiser
from nuseg.training.losses import check_heads, leaves_out_unknown, pixel_weights, segmentation_loss

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
    logits: torch.Tensor,
    targets: torch.Tensor,
    instance: list[bool],
    touching_weight: float,
    known: torch.Tensor | None = None,
    **weights: float,
) -> dict[str, torch.Tensor]:
    """Loss of four channels of logits, and of five of targets, the last of which says where nuclei touch."""
    mask = targets[:, :1]
    known = torch.ones_like(mask, dtype=torch.bool) if known is None else known
    weight = pixel_weights(mask, targets[:, 4:], known, touching_weight)
    told = torch.tensor(instance)[:, None, None, None] & known
    return segmentation_loss(HEADS, by_head(logits), by_head(targets[:, :4]), weight, told, weights)


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


def half_known() -> torch.Tensor:
    """The left half of two images of 4x4 pixels."""
    return (torch.arange(4) < 2).expand(2, 1, 4, 4)


def test_what_is_not_known_changes_no_part_of_the_loss():
    logits, targets = example(touching=1.0)
    known = half_known()
    parts = loss(logits, targets, [True, True], 4.0, known)
    parts["loss"].backward()
    assert (logits.grad[~known.expand_as(logits)] == 0).all()
    assert (logits.grad[known.expand_as(logits)] != 0).all()
    other_logits = torch.where(known, logits.detach(), 9.0)
    others = loss(other_logits, torch.where(known, targets, 1 - targets), [True, True], 4.0, known)
    assert {name: float(part) for name, part in others.items()} == pytest.approx(
        {name: float(part.detach()) for name, part in parts.items()}
    )


def test_what_is_known_is_all_that_there_is():
    # The loss of the left half is that of an image which ends there.
    logits, targets = (each.detach() for each in example(touching=1.0))
    half = loss(logits, targets, [True, False], 4.0, half_known())
    whole = loss(logits[..., :2], targets[..., :2], [True, False], 4.0)
    assert {name: float(part) for name, part in half.items()} == pytest.approx(
        {name: float(part) for name, part in whole.items()}
    )


def test_nothing_known_is_no_loss():
    logits, targets = example()
    parts = loss(logits, targets, [True, True], 4.0, torch.zeros(2, 1, 4, 4, dtype=torch.bool))
    parts["loss"].backward()
    assert all(part == 0 for part in parts.values())
    assert (logits.grad == 0).all()


def careless(logits: torch.Tensor, target: torch.Tensor, _weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """As losses are that know of no weights."""
    return {"careless": (logits - target).abs().mean()}


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_heads_leave_out_what_is_not_known(head: Head):
    assert leaves_out_unknown(head)
    assert not leaves_out_unknown(replace(head, loss=careless))


def test_a_head_that_learns_from_what_is_ignored_is_refused(tmp_path: Path):
    items = [Item(name, tmp_path, tmp_path, 0.25, "train", name, 1) for name in "ab"]
    dataset = Dataset(tmp_path, "a", "instance", "", "", "", tuple(items))
    wrong = replace(HEADS[0], loss=careless)
    check_heads([wrong], [dataset])
    ignoring = replace(dataset, items=(items[0], replace(items[1], ignore=tmp_path / "ignore" / "b.png")))
    check_heads(HEADS, [ignoring])
    with pytest.raises(NusegError, match=r"b\.png: .* head mask counts them: .* network\.heads"):
        check_heads([wrong], [ignoring])


def test_weights_of_the_parts_come_from_the_configuration():
    how = Optimiser(dice_weight=0.5, offset_weight=0.25, head_weights={"rim": 2})
    assert how.part_weights == {"dice": 0.5, "distance": 3.0, "offset": 0.25, "rim": 2}
