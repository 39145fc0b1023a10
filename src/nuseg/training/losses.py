"""The loss of a batch: the weighted sum over what each head loses."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
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
        Of each pixel, `(n, 1, height, width)`, from `pixel_weights`; 0 where it is not known what is there. A class
        head learns from all pixels that its target has a class for.
    instance
        Of each pixel, `(n, 1, height, width)` bool; False where nuclei are not known one by one and from edge to edge:
        those pixels do not enter the loss of heads that need it, and images that have no others are not given to them.
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
            told = instance.flatten(1).any(1)
            values, target, of_pixels = values[told], target[told], (weight * instance)[told]
        if head.made_for is not None:  # a class may be known where it is not known what is a nucleus, and vice versa
            of_pixels = (target.sum(1, keepdim=True) > 0).to(weight)
        parts |= head.loss(values, target, of_pixels)
    total = sum((part_weights.get(name, 1.0) * part for name, part in parts.items()), start=weight.new_zeros(()))
    return {"loss": total, **parts}


def pixel_weights(mask: Tensor, touching: Tensor, known: Tensor, touching_weight: float) -> Tensor:
    """How much each pixel counts.

    Source of the emphasis: Ronneberger et al., MICCAI 2015, equation 2: few pixels decide whether nuclei are told
    apart.

    Parameters
    ----------
    mask
        `(n, 1, height, width)`: 1 in nuclei.
    touching
        The same shape: 1 where nuclei touch.
    known
        The same shape, bool: False where it is not known what is there. Those pixels weigh nothing.
    touching_weight
        Extra weight of a pixel where nuclei touch, beside a nuclear pixel's 1.
    """
    return (BACKGROUND + (1 - BACKGROUND) * mask + touching_weight * touching) * known


def inconsistency(heads: Sequence[Head], logits: Mapping[str, Tensor], of_turned: Mapping[str, Tensor]) -> Tensor:
    """How far the maps of turned patches are from the maps turned: mean squared difference, a scalar.

    Parameters
    ----------
    heads
        Of the network; those that are only learned do not count.
    logits
        `(n, channels, height, width)` of each head, by its name.
    of_turned
        Those of the turned patches, turned back.
    """
    kept = [head.name for head in heads if head.exported and head.activation == "sigmoid"]
    parts = [(logits[name].float().sigmoid() - of_turned[name].float().sigmoid()).square().mean() for name in kept]
    return torch.stack(parts).mean()


def check_heads(heads: Sequence[Head], datasets: Sequence[Dataset]) -> None:
    """Refuse heads whose loss would learn from what is ignored in the training images.

    Raises
    ------
    NusegError
        There are such images, and a head's loss counts pixels of weight 0.
    """
    item = next((item for dataset in datasets for item in dataset.split("train") if item.ignore is not None), None)
    if item is None:
        return
    for head in heads:
        if not leaves_out_unknown(head):
            raise NusegError(
                f"{item.ignore}: pixels of this image are ignored, but the loss of the head {head.name} counts them: "
                "let pixels of weight 0 not count in it, or leave the head out of network.heads"
            )


def leaves_out_unknown(head: Head) -> bool:
    """Try whether pixels of weight 0 are without influence on a head's loss."""
    labels = np.kron(np.array([[1, 0], [2, 3]]), np.ones((16, 16), int))
    target = torch.from_numpy(head.target(labels).copy())[None]
    generator = torch.Generator().manual_seed(0)
    logits, others = (torch.randn(target.shape, generator=generator) for _ in range(2))
    weight = torch.ones(1, 1, *labels.shape)
    weight[..., :20] = 0
    before = head.loss(logits, target, weight)
    after = head.loss(torch.where(weight > 0, logits, others), torch.where(weight > 0, target, 1 - target), weight)
    return all(torch.allclose(before[name], after[name], rtol=1e-5, atol=1e-7) for name in before)
