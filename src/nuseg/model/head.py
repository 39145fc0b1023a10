"""What a head is: one named output of the network, with all that belongs to it. Needs no PyTorch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Activation = Literal["sigmoid", "softmax", "tanh"]


@dataclass(frozen=True)
class Head:
    """One named output of the network.

    Attributes
    ----------
    name : str
        What configurations call it.
    help : str
        What it is, in half a sentence.
    channels : tuple of str
        Names of its channels; an exported head's are those of the model's maps.
    activation : str
        What makes values of logits: "sigmoid", "softmax" over the channels, or "tanh".
    exported : bool
        Whether the model gives it, or it is only there to be learned. Maps are 0..1, so that "tanh" is not exported.
    needs_instances : bool
        Whether it can only be learned from nuclei that are annotated one by one.
    target : callable
        Label image `(h, w)` integer, 0 = background, to `(channels, h, w)` float32.
    loss : callable
        Logits and target `(n, channels, h, w)` float32, and the weight of each pixel `(n, 1, h, w)`, to the scalar
        parts of the loss by name. Nuclei weigh more than background, and where they touch most; a loss may treat all
        weights above 0 alike. A pixel of weight 0 must not count: it is not known what is there. A head that needs
        instances is given the images that have them, which may be none.
    made_for : callable, optional
        Of a head whose channels are classes: makes it for their names. Its `target` is given the number of the class
        of each pixel in place of labels, 0 where that is not known, and gives 0 there.
    """

    name: str
    help: str
    channels: tuple[str, ...]
    activation: Activation
    exported: bool
    needs_instances: bool
    target: Callable[[np.ndarray], np.ndarray]
    loss: Callable[["Tensor", "Tensor", "Tensor"], dict[str, "Tensor"]]
    made_for: "Callable[[tuple[str, ...]], Head] | None" = None

    def __post_init__(self) -> None:
        if self.exported and self.activation == "tanh":
            raise ValueError(f"head {self.name}: exported maps are 0..1, which tanh does not give")


def count_channels(heads: Iterable[Head]) -> int:
    """How many channels heads have together."""
    return sum(len(head.channels) for head in heads)
