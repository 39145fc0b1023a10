"""The nuclei mask: the probability that a pixel belongs to a nucleus."""

from typing import TYPE_CHECKING

import numpy as np

from nuseg.model.head import Head

if TYPE_CHECKING:
    from torch import Tensor


def make_mask(labels: np.ndarray) -> np.ndarray:
    """Label image `(h, w)` to `(1, h, w)` float32: 1 in nuclei, else 0."""
    return (labels > 0).astype(np.float32)[None]


def mask_loss(logits: "Tensor", target: "Tensor", weight: "Tensor") -> "dict[str, Tensor]":
    """Cross-entropy `bce` and Dice loss `dice`; every pixel weighs the same, but one of weight 0 nothing."""
    import torch
    from torch.nn import functional as F

    known = (weight > 0).float()
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return {
        "bce": (each * known).sum() / known.sum().clamp_min(1),
        "dice": soft_dice_loss(torch.sigmoid(logits) * known, target * known),
    }


def soft_dice_loss(probability: "Tensor", target: "Tensor", eps: float = 1.0) -> "Tensor":
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


HEAD = Head(
    name="mask",
    help="whether a pixel belongs to a nucleus",
    channels=("mask",),
    activation="sigmoid",
    exported=True,
    needs_instances=False,
    target=make_mask,
    loss=mask_loss,
)
