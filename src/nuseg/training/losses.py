"""The loss of a batch: the weighted sum over what each head loses."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from nuseg.model.head import Head

BACKGROUND = 0.25  # weight of a background pixel beside a nuclear one's 1: it is easy, and most of the image


def segmentation_loss(
    heads: Sequence[Head],
    logits: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    weight: Tensor,
    instance: Tensor,
    part_weights: Mapping[str, float],
) -> dict[str, Tensor]:
    """Loss of a batch and its parts.

    Parameters
    ----------
    heads
        Of the network.
    logits, targets
        `(n, channels, height, width)` of each head, by its name.
    weight
        Of each pixel, `(n, 1, height, width)`, from `pixel_weights`.
    instance
        `(n,)` bool; False where only the mask is annotated: those images do not enter the loss of heads that need
        nuclei annotated one by one.
    part_weights
        Weight of each part of the loss by its name; 1 for those that are not named.

    Returns
    -------
    dict
        `loss` (the weighted sum) and every part that a head's loss gives: scalars.
    """
    parts: dict[str, Tensor] = {}
    for head in heads:
        values, target, of_pixels = logits[head.name].float(), targets[head.name], weight
        if head.needs_instances:
            values, target, of_pixels = values[instance], target[instance], of_pixels[instance]
        parts |= head.loss(values, target, of_pixels)
    total = sum((part_weights.get(name, 1.0) * part for name, part in parts.items()), start=weight.new_zeros(()))
    return {"loss": total, **parts}


def pixel_weights(mask: Tensor, touching: Tensor, touching_weight: float) -> Tensor:
    """How much each pixel counts.

    Source of the emphasis: Ronneberger et al., MICCAI 2015, equation 2: few pixels decide whether nuclei are told
    apart.

    Parameters
    ----------
    mask
        `(n, 1, height, width)`: 1 in nuclei.
    touching
        The same shape: 1 where nuclei touch.
    touching_weight
        Extra weight of a pixel where nuclei touch, beside a nuclear pixel's 1.
    """
    return BACKGROUND + (1 - BACKGROUND) * mask + touching_weight * touching
