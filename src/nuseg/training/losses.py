"""The loss: cross-entropy and Dice on the mask, absolute error on distance and offsets."""

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


def absolute_error(values: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean absolute error. Where the network is in doubt it learns the median, which keeps edges sharp.

    Parameters
    ----------
    values, target
        Same shape.
    weight
        Of each pixel, the same shape.
    """
    return (weight * (values - target).abs()).sum() / weight.sum().clamp_min(1)


def segmentation_loss(
    logits: Tensor,
    targets: Tensor,
    instance: Tensor,
    dice_weight: float,
    distance_weight: float,
    offset_weight: float,
    touching_weight: float,
) -> dict[str, Tensor]:
    """Loss of a batch and its parts.

    Parameters
    ----------
    logits
        `(n, 4, height, width)`: mask, distance, offsets.
    targets
        `(n, 5, height, width)`: mask, distance, offsets, where nuclei touch.
    instance
        `(n,)` bool; False where only the mask is annotated: those images do not enter distance and offset loss.
    dice_weight, distance_weight, offset_weight
        Weights beside the cross-entropy's 1.
    touching_weight
        Extra weight in these two of a pixel where nuclei touch, beside a nuclear pixel's 1: few pixels
        decide whether nuclei are told apart (Ronneberger et al., MICCAI 2015, equation 2).

    Returns
    -------
    dict
        `loss` (the weighted sum), `bce`, `dice`, `distance`, `offset`: scalars.
    """
    logits = logits.float()
    mask, touching = targets[:, 0], targets[:, 4]
    probability, distance = torch.sigmoid(logits[:, :2]).unbind(1)
    offsets = torch.tanh(logits[:, 2:])
    # Background counts a quarter: it is easy, and most of the image.
    weight = 0.25 + 0.75 * mask + touching_weight * touching
    told = weight[instance]
    parts = {
        "bce": F.binary_cross_entropy_with_logits(logits[:, 0], mask),
        "dice": soft_dice_loss(probability, mask),
        "distance": absolute_error(distance[instance], targets[instance, 1], told),
        "offset": absolute_error(offsets[instance], targets[instance, 2:4], told[:, None].expand(-1, 2, -1, -1)),
    }
    nuclei_apart = distance_weight * parts["distance"] + offset_weight * parts["offset"]
    return {"loss": parts["bce"] + dice_weight * parts["dice"] + nuclei_apart, **parts}
