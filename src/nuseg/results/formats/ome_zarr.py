"""The label image as OME-Zarr: a pyramid in chunks, which napari, QuPath and others open.

Source: OME-NGFF specification 0.4 (Moore et al., Nature Methods 2021), `multiscales` and `image-label`.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.io.atomic import atomic_folder
from nuseg.measure.rasterise import draw_labels
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.output import Add, Output

CHUNK = 1024  # px
NGFF_VERSION = "0.4"


@contextmanager
def opened(path: Path, info: ResultInfo) -> Iterator[Add]:
    """Open a label pyramid to draw batches of nuclei into; the folder appears when the block ends well.

    The image is `(height, width)` int32 on level 0: 0 = background, else the nucleus' `id`. A pixel belongs to
    a nucleus if its centre lies inside the outline. Each further level takes every second pixel of the one
    before, until it fits one chunk. One chunk at a time is held in memory.

    Parameters
    ----------
    path : Path
        Folder to write.
    info : ResultInfo
        Size and resolution.

    Yields
    ------
    function
        Draws a batch.
    """
    import zarr

    with atomic_folder(path) as folder:
        group = zarr.open_group(folder, mode="w", zarr_format=2)
        levels = [add_level(group, 0, (info.height, info.width))]
        yield lambda batch: draw(levels[0], batch)
        while max(levels[-1].shape) > CHUNK:
            levels.append(halve(group, len(levels), levels[-1]))
        group.attrs.update(metadata(info, len(levels)))


def add_level(group: Any, number: int, shape: tuple[int, int]) -> Any:
    """Add an empty array `(h, w)` int32; chunks without nuclei take no space."""
    from numcodecs import Blosc

    return group.create_array(
        str(number),
        shape=shape,
        chunks=(CHUNK, CHUNK),
        dtype="int32",
        fill_value=0,
        compressors=Blosc(cname="zstd", clevel=5, shuffle=Blosc.SHUFFLE),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def draw(level: Any, batch: NucleiBatch) -> None:
    """Draw nuclei into the chunks that they touch, each chunk read and written once."""
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, polygon in enumerate(batch.polygons):
        left, top = np.maximum(polygon.min(axis=0) // CHUNK, 0).astype(int)
        right, bottom = (polygon.max(axis=0) // CHUNK).astype(int)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                members[row, column].append(index)
    numbers = batch.table["id"].to_numpy()
    for (row, column), inside in sorted(members.items()):
        window = (slice(row * CHUNK, (row + 1) * CHUNK), slice(column * CHUNK, (column + 1) * CHUNK))
        chunk = level[window]
        if not chunk.size:  # an outline may end on the very border of the source
            continue
        polygons = [batch.polygons[index] for index in inside]
        drawn = draw_labels(polygons, numbers[inside], chunk.shape, (column * CHUNK, row * CHUNK))
        level[window] = np.where(drawn > 0, drawn, chunk)


def halve(group: Any, number: int, finer: Any) -> Any:
    """Add a level of half the size, chunk by chunk, with every second pixel: labels cannot be averaged."""
    height, width = (-(-side // 2) for side in finer.shape)
    level = add_level(group, number, (height, width))
    for y in range(0, height, CHUNK):
        for x in range(0, width, CHUNK):
            part = finer[2 * y : 2 * (y + CHUNK), 2 * x : 2 * (x + CHUNK)][::2, ::2]
            if part.any():
                level[y : y + CHUNK, x : x + CHUNK] = part
    return level


def metadata(info: ResultInfo, levels: int) -> dict[str, Any]:
    """Describe the pyramid as OME-NGFF does, axes in um and the size of a pixel of each level; and its origin."""
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [{"type": "scale", "scale": [info.mpp * 2**number] * 2}],
        }
        for number in range(levels)
    ]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    return {
        "multiscales": [
            {"version": NGFF_VERSION, "name": "nuclei", "axes": axes, "datasets": datasets, "type": "nearest"}
        ],
        "image-label": {"version": NGFF_VERSION},
        "nuseg": info.about(),
    }


OUTPUT = Output(
    name="zarr",
    suffix=".ome.zarr",
    help="label pyramid as OME-Zarr, for napari and QuPath",
    open=lambda path, result: opened(path, result.info),
    needs=("zarr",),
    extra="zarr",
)
