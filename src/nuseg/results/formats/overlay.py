"""The image with the outline of every nucleus drawn on it, for the eye."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.image import write_png
from nuseg.plot.outlines import draw_outlines
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the image with its outlines as PNG, whole or not at all."""
    labels = result.labels  # which refuses what is too large, before its pixels are read
    write_png(path, draw_outlines(result.image.pixels, labels))


OUTPUT = Output(
    name="overlay",
    suffix=".png",
    help="the image with outlines",
    open=written_whole(write_result),
    default_for=("image",),
)
