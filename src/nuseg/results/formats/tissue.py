"""Where nuclei were looked for, as a small mask."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.results.formats.mask import write
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the mask as PNG of 0 and 255, at the overview's size."""
    write(result.overview.counted, path)


OUTPUT = Output(
    name="tissue",
    suffix=".png",
    help="mask of the tissue or region that was looked at, at the overview's size",
    open=written_whole(write_result),
    default_for=("slide",),
)
