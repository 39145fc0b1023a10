"""The offset of each pixel from the middle of its nucleus: only learned, so that the network sees what is one nucleus.

Source: Graham et al., "HoVer-Net", MedIA 2019: horizontal and vertical distances.
"""

from typing import TYPE_CHECKING

import numpy as np

from nuseg.model.head import Head
from nuseg.model.heads.distance import absolute_error

if TYPE_CHECKING:
    from torch import Tensor


def make_offsets(labels: np.ndarray) -> np.ndarray:
    """Make each pixel's offset from the middle of its nucleus.

    Parameters
    ----------
    labels : (h, w) integer
        Label image; 0 = background, 1..N = nuclei.

    Returns
    -------
    (2, h, w) float32
        To the right and down from the centroid, divided by the farthest that the nucleus reaches on that side: -1 at
        its left (upper) end, 1 at its right (lower) end, 0 outside.
    """
    offsets = np.zeros((2, *labels.shape), np.float32)
    place = np.nonzero(labels)
    owner = labels[place]
    count = int(labels.max(initial=0)) + 1
    area = np.maximum(np.bincount(owner, minlength=count), 1)
    for channel, along in enumerate(place[::-1]):
        offset = along - (np.bincount(owner, along, count) / area)[owner]
        reach = np.full((2, count), 1e-6)
        side = (offset > 0).astype(np.intp)
        np.maximum.at(reach, (side, owner), np.abs(offset))
        offsets[channel][place] = offset / reach[side, owner]
    return offsets


def offset_loss(logits: "Tensor", target: "Tensor", weight: "Tensor") -> "dict[str, Tensor]":
    """Weighted absolute error `offset`, over both directions."""
    import torch

    return {"offset": absolute_error(torch.tanh(logits), target, weight)}


HEAD = Head(
    name="offsets",
    help="offset from the nucleus' middle",
    channels=("offset_x", "offset_y"),
    activation="tanh",
    exported=False,
    needs_instances=True,
    target=make_offsets,
    loss=offset_loss,
)
