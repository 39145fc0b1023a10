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


def distance_loss(distance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean absolute error of the normalised distance.

    Parameters
    ----------
    distance, target
        Same shape, 0..1.
    weight
        Of each pixel, the same shape.
    """
    return (weight * (distance - target).abs()).sum() / weight.sum().clamp_min(1)


def segmentation_loss(
    logits: Tensor,
    targets: Tensor,
    instance: Tensor,
    dice_weight: float,
    distance_weight: float,
    touching_weight: float,
) -> dict[str, Tensor]:
    """Loss of a batch and its parts.

    Parameters
    ----------
    logits
        `(n, 2, height, width)`: mask, distance.
    targets
        `(n, 3, height, width)`, 0..1: mask, distance, where nuclei touch.
    instance
        `(n,)` bool; False where only the mask is annotated: those images do not enter the distance loss.
    dice_weight, distance_weight
        Weights beside the cross-entropy's 1.
    touching_weight
        Extra weight in the distance loss of a pixel where nuclei touch, beside a nuclear pixel's 1: few pixels
        decide whether nuclei are told apart (Ronneberger et al., MICCAI 2015, equation 2).

    Returns
    -------
    dict
        `loss` (the weighted sum), `bce`, `dice`, `distance`: scalars.
    """
    mask, target, touching = targets.unbind(1)
    probability, distance = torch.sigmoid(logits.float()).unbind(1)
    # Background counts a quarter: it is easy, and most of the image.
    weight = 0.25 + 0.75 * mask + touching_weight * touching
    parts = {
        "bce": F.binary_cross_entropy_with_logits(logits[:, 0].float(), mask),
        "dice": soft_dice_loss(probability, mask),
        "distance": distance_loss(distance[instance], target[instance], weight[instance]),
    }
    parts["loss"] = parts["bce"] + dice_weight * parts["dice"] + distance_weight * parts["distance"]
    return parts
