"""Which images a model knows: those that it learned from, and those that its epoch and thresholds were chosen by."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np

from nuseg.datasets.convert import content_hash

Use = Literal["train", "validation"]
USES: tuple[Use, ...] = get_args(Use)
CODE_LENGTH = 16  # hexadecimal digits: two images of a million share one with a chance of 1 in 10 million


def image_code(pixels: np.ndarray) -> str:
    """Short code of an image's pixels `(h, w, 3)` uint8: the same for the same pixels, whatever file they are in."""
    return content_hash(pixels)[:CODE_LENGTH]


def known_images(data: Iterable[Mapping[str, Any]]) -> dict[str, Use]:
    """The code of every image that a model knows, and what it was used for; `data` is that of its configuration."""
    known: dict[str, Use] = {}
    for use in reversed(USES):  # an image that was used for both was learned from
        for entry in data:
            seen = entry.get("seen")
            codes = seen.get(use) if isinstance(seen, Mapping) else None
            known |= dict.fromkeys((str(code) for code in codes) if isinstance(codes, list) else (), use)
    return known


def tells_images(data: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a model says of all its datasets which images it knows; older models do not."""
    return all("seen" in entry for entry in data)
