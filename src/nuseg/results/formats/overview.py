"""A slide made small with its densest places coloured."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.image import write_png
from nuseg.plot.density import draw_overview
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the picture as PNG, whole or not at all."""
    write_png(path, draw_overview(result.overview))


OUTPUT = Output(
    name="overview",
    suffix=".png",
    help="the source made small, tissue outlined, densest places coloured",
    open=written_whole(write_result),
    default_for=("slide",),
)
