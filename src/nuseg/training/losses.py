"""The loss: cross-entropy and Dice on the mask, absolute error on the distance."""

import torch
from torch import Tensor
from torch.nn import functional as F


def soft_dice_loss(probability: Tensor, target: Tensor, eps: float = 1.0) -> Tensor:
    """1 - Dice coefficient over the batch (Milletari et al., 3DV 2016, with sums in the denominator).

    Parameters
    ----------
    probability, target
        Same shape, 0..1.
    eps
        Keeps an empty batch defined; in pixels.
    """
    overlap = (probability * target).sum()
    return 1 - (2 * overlap + eps) / (probability.sum() + target.sum() + eps)


def distance_loss(distance: Tensor, target: Tensor, mask: Tensor, background_weight: float = 0.25) -> Tensor:
    """Mean absolute error of the normalised distance; a background pixel counts a quarter of a nuclear one.

    Parameters
    ----------
    distance, target, mask
        Same shape, 0..1.
    """
    weight = mask + background_weight * (1 - mask)
    return (weight * (distance - target).abs()).sum() / weight.sum().clamp_min(1)


def segmentation_loss(
    logits: Tensor, targets: Tensor, instance: Tensor, dice_weight: float, distance_weight: float
) -> dict[str, Tensor]:
    """Loss of a batch and its parts.

    Parameters
    ----------
    logits
        `(n, 2, height, width)`: mask, distance.
    targets
        `(n, 2, height, width)`, 0..1.
    instance
        `(n,)` bool; False where only the mask is annotated: those images do not enter the distance loss.
    dice_weight, distance_weight
        Weights beside the cross-entropy's 1.

    Returns
    -------
    dict
        `loss` (the weighted sum), `bce`, `dice`, `distance`: scalars.
    """
    mask_logits, mask = logits[:, 0], targets[:, 0]
    probability, distance = torch.sigmoid(logits.float()).unbind(1)
    parts = {
        "bce": F.binary_cross_entropy_with_logits(mask_logits.float(), mask),
        "dice": soft_dice_loss(probability, mask),
        "distance": distance_loss(distance[instance], targets[instance, 1], mask[instance]),
    }
    parts["loss"] = parts["bce"] + dice_weight * parts["dice"] + distance_weight * parts["distance"]
    return parts
