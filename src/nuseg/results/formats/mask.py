"""The binary mask as PNG: 255 in a nucleus, 0 elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuseg.io.image import write_png
from nuseg.results.output import Output, written_whole
from nuseg.types import Mask

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write(mask: Mask, path: Path) -> None:
    """Write a `(h, w)` bool mask as an 8-bit grey PNG of 0 and 255, whole or not at all."""
    write_png(path, np.where(mask, np.uint8(255), np.uint8(0)))


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the mask of a result."""
    write(result.mask, path)


OUTPUT = Output(
    name="mask",
    suffix=".png",
    help="nuclei mask, 0 and 255",
    open=written_whole(write_result),
    default_for=("image",),
)
