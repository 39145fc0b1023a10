"""SpatialData without a copy of the image: it names the image's file, which `nuseg.read_spatialdata` opens."""

from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.results.formats.spatialdata import as_spatialdata, write
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_reference(path: Path, result: "Segmentation") -> None:
    """Write outlines, table and the place of the image's file, whole or not at all.

    Raises
    ------
    NusegError
        The pixels come from no file.
    """
    if result.info.path is None:
        raise NusegError(f"{path}: expected an image from a file to name, found an array; write the output spatialdata")
    made = as_spatialdata(result, image=False)
    made.attrs["nuseg"]["image"] = str(result.info.path.resolve())
    write(path, made)


OUTPUT = Output(
    name="spatialdata-reference",
    suffix=".zarr",
    help="the same without a copy of the image, which it names; for nuseg.read_spatialdata",
    open=written_whole(write_reference),
    needs=("spatialdata",),
    extra="spatialdata",
)
