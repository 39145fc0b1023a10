"""The image with the outline of every nucleus drawn on it, for the eye."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.image import write_png
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the image with its outlines as PNG, whole or not at all."""
    write_png(path, result.outlined())


OUTPUT = Output(
    name="overlay",
    suffix=".png",
    help="the image with outlines, in the colours of classes",
    open=written_whole(write_result),
    default_for=("image",),
)
