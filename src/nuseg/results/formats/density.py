"""How densely nuclei lie, as a map."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.image import write_png
from nuseg.plot.density import draw_density
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the picture as PNG, whole or not at all."""
    write_png(path, draw_density(result.overview))


OUTPUT = Output(
    name="density",
    suffix=".png",
    help="map of nuclei per mm2, with scales",
    open=written_whole(write_result),
    default_for=("slide",),
)
