"""The normalised distance to the border of the own nucleus, which tells touching nuclei apart."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from nuseg.model.head import Head

if TYPE_CHECKING:
    from torch import Tensor


def make_distance(labels: np.ndarray) -> np.ndarray:
    """Make each pixel's distance to the border of its nucleus.

    Parameters
    ----------
    labels : (h, w) integer
        Label image; 0 = background, 1..N = nuclei.

    Returns
    -------
    (1, h, w) float32
        Distance to the nearest pixel outside the own nucleus (background or a touching nucleus), divided by the
        nucleus' largest, so that small and large nuclei alike rise to 1 in the middle and fall to 0 between two that
        touch. Outside the image is not outside the nucleus: a cut nucleus rises towards the cut.
    """
    mask = labels > 0
    inner = mask.copy()
    # A pixel beside another nucleus is border: distances must fall to it although no background lies between.
    for axis in (0, 1):
        ahead = [slice(None)] * 2
        behind = [slice(None)] * 2
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        differs = labels[tuple(ahead)] != labels[tuple(behind)]
        inner[tuple(ahead)] &= ~differs
        inner[tuple(behind)] &= ~differs
    if inner.all():  # one nucleus fills the image: there is no border to measure from
        return np.ones((1, *labels.shape), np.float32)
    distance = cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 5)
    # The border pixels themselves lie half a pixel inside.
    distance = np.where(mask, distance + 0.5, 0).astype(np.float32)
    largest = np.full(int(labels.max(initial=0)) + 1, 1e-6, np.float32)
    np.maximum.at(largest, labels[mask], distance[mask])
    normalised: np.ndarray = distance / largest[labels]
    return normalised[None]


def distance_loss(logits: "Tensor", target: "Tensor", weight: "Tensor") -> "dict[str, Tensor]":
    """Weighted absolute error `distance`."""
    import torch

    return {"distance": absolute_error(torch.sigmoid(logits), target, weight)}


def absolute_error(values: "Tensor", target: "Tensor", weight: "Tensor") -> "Tensor":
    """Weighted mean absolute error. Where the network is in doubt it learns the median, which keeps edges sharp.

    Parameters
    ----------
    values, target
        Same shape.
    weight
        Of each pixel; a shape that can be expanded to theirs.
    """
    weight = weight.expand_as(values)
    return (weight * (values - target).abs()).sum() / weight.sum().clamp_min(1)


HEAD = Head(
    name="distance",
    help="normalised distance to the nucleus' border",
    channels=("distance",),
    activation="sigmoid",
    exported=True,
    needs_instances=True,
    target=make_distance,
    loss=distance_loss,
)
