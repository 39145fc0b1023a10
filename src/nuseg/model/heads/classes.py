"""The class of a nucleus, for each of its pixels: as many channels as there are classes, made for their names."""

from typing import TYPE_CHECKING

import numpy as np

from nuseg.measure.classes import MAP
from nuseg.model.head import Head

if TYPE_CHECKING:
    from torch import Tensor


def class_head(classes: tuple[str, ...]) -> Head:
    """Make the head for some classes."""

    def make_classes(numbers: np.ndarray) -> np.ndarray:
        """Numbers of classes `(h, w)`, 0 = not known, 1.. in the order of `classes`, to `(classes, h, w)` float32.

        1 in the channel of the class; all 0 where it is not known.
        """
        return np.asarray(numbers == np.arange(1, len(classes) + 1)[:, None, None], np.float32)

    return Head(
        name="classes",
        help="class of the nucleus, one channel for each of `network.classes`",
        channels=tuple(MAP + name for name in classes),
        activation="softmax",
        exported=True,
        needs_instances=False,
        target=make_classes,
        loss=class_loss,
        made_for=class_head,
    )


def class_loss(logits: "Tensor", target: "Tensor", weight: "Tensor") -> "dict[str, Tensor]":
    """Cross-entropy `class` over the pixels whose class is known; a target above or below 1 weighs its pixel so."""
    counted = target * (weight > 0)
    each = -(counted * logits.log_softmax(dim=1)).sum(1)
    return {"class": each.sum() / counted.sum().clamp_min(1)}


HEAD = class_head(())
