"""What a classifier sees of every nucleus: its measures, its pixels, and its neighbourhood."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nuseg.classification.files import AGAIN, ImageResult
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.source import Source
from nuseg.measure import texture
from nuseg.measure.neighbourhood import RADII_UM, RANKS, neighbourhood
from nuseg.text import printable
from nuseg.types import Floats, Integers

MEASURES = (
    "area_um2",
    "perimeter_um",
    "major_axis_um",
    "minor_axis_um",
    "eccentricity",
    "solidity",
    "haematoxylin_od",
    "eosin_od",
    "probability",
)
SHAPES = ("roundness", "axis_ratio")
AVERAGED = ("area_um2", "eccentricity", "solidity", "haematoxylin_od", "eosin_od")  # over neighbours
AROUND = (
    *(f"neighbour_{rank}_um" for rank in RANKS),
    *(f"within_{radius:g}_um" for radius in RADII_UM),
    *(f"around_{name}" for name in AVERAGED),
    "alignment",
    "own_alignment",
)
PLAIN = (*MEASURES, *SHAPES, *AROUND)
"""Features that need no pixels."""
ALL = (*PLAIN, *texture.NAMES)
TILE = 1024  # px of the grid of `nuseg.measure.texture` that are read at once


@dataclass(frozen=True, eq=False)
class Features:
    """Features of the nuclei of one image.

    Attributes
    ----------
    ids : (n,) int64
        Numbers of the nuclei, ascending.
    places : (n, 2) float64
        Centroids in px of level 0.
    values : (n, m) float32
        `PLAIN`, or `ALL` where pixels were read.
    """

    ids: Integers
    places: Floats
    values: Floats


def features_of(
    result: ImageResult, source: Source | None, tell: Callable[[int], None] = lambda done: None
) -> Features:
    """Measure the nuclei of an image.

    Memory grows by some 500 bytes for each nucleus; pixels and outlines are read part by part.

    Parameters
    ----------
    result : ImageResult
    source : Source, optional
        Its pixels; without, features are `PLAIN`.
    tell : function
        Called with the number of nuclei whose pixels were seen.

    Raises
    ------
    NusegError
        Files are missing, damaged, or do not belong together.
    """
    table, mpp = result.measures(), result.mpp
    ids = table["id"].astype(np.int64)
    places = np.stack([table["x_px"], table["y_px"]], axis=1)
    angles = np.zeros((len(ids), 2), np.float32)
    pixels = np.zeros((len(ids), len(texture.NAMES)), np.float32) if source is not None else None
    seen = 0
    for rows, outlines in matched(result, ids):
        angles[rows] = [elongation(outline) for outline in outlines]
        if pixels is not None and source is not None:
            pixels[rows] = textures(source, mpp, places[rows], outlines)
        seen += len(rows)
        tell(seen)
    if seen != len(ids):
        raise NusegError(f"{result.where}: expected {len(ids):,} outlines, as in its table, found {seen:,}; {AGAIN}")
    values = {name: table[name] for name in AVERAGED}
    around = neighbourhood(np.stack([table["x_um"], table["y_um"]], axis=1), values, angles)
    round_ = 4 * np.pi * table["area_um2"] / np.maximum(table["perimeter_um"], 1e-6) ** 2
    ratio = table["minor_axis_um"] / np.maximum(table["major_axis_um"], 1e-6)
    columns = [*(table[name] for name in MEASURES), round_, ratio, *(around[name] for name in AROUND)]
    plain = np.stack([column.astype(np.float32) for column in columns], axis=1)
    # Beyond any measure of tissue, but finite whatever a file holds.
    plain = np.clip(plain, -1e9, 1e9)
    return Features(ids, places, plain if pixels is None else np.hstack([plain, pixels]))


def matched(result: ImageResult, ids: Integers) -> Iterator[tuple[Integers, list[Floats]]]:
    """Give the outlines of an image part by part, with the rows of the table that they belong to.

    Raises
    ------
    NusegError
        The table has no such nucleus.
    """
    for numbers, outlines in result.outlines():
        if not len(numbers):
            continue
        rows = np.searchsorted(ids, numbers)
        if not len(ids) or (ids[np.minimum(rows, len(ids) - 1)] != numbers).any():
            raise NusegError(f"{result.where}: outlines and table of nuclei are not of the same nuclei; {AGAIN}")
        yield rows, outlines


def elongation(outline: Floats) -> tuple[float, float]:
    """Direction of a nucleus' long axis: cosine and sine of twice its angle, times its elongation 0 (round) .. 1."""
    moments = cv2.moments((outline - outline[0]).astype(np.float32).reshape(-1, 1, 2))
    spread = moments["mu20"] + moments["mu02"]
    if not spread > 0:
        return 0.0, 0.0
    return (moments["mu20"] - moments["mu02"]) / spread, 2 * moments["mu11"] / spread


def textures(source: Source, mpp: float, places: Floats, outlines: list[Floats]) -> Floats:
    """Measure pixels in and around nuclei, `(n, len(texture.NAMES))` float32, tile by tile of a fixed grid.

    A nucleus is measured in the tile that holds its centroid, whatever other nuclei are asked for.
    """
    scale = texture.MPP / mpp  # px of level 0 in one of the grid
    found = np.zeros((len(outlines), len(texture.NAMES)), np.float32)
    tiles = np.floor(places / scale / TILE).astype(np.int64)
    for tile in np.unique(tiles, axis=0):
        corner = tile * TILE - texture.MARGIN
        maps = texture.stain_maps(read_grid(source, scale, corner, TILE + 2 * texture.MARGIN))
        inside = np.flatnonzero((tiles == tile).all(axis=1))
        found[inside] = texture.textures(maps, [outlines[row] / scale - corner for row in inside])
    return found


def read_grid(source: Source, scale: float, corner: Integers, side: int) -> np.ndarray:
    """Read a square of the grid whose px are `scale` px of level 0, `(side, side, 3)` uint8, mirrored at borders."""
    level = max(
        (n for n, level in enumerate(source.levels) if n == 0 or level.downsample <= 1.01 * scale),
        key=lambda n: source.levels[n].downsample,
    )
    size, factor = source.levels[level], scale / source.levels[level].downsample
    limits = np.maximum(np.rint(np.array([size.width, size.height]) / factor).astype(int), 1)
    low = np.clip(corner, 0, limits - 1)
    high = np.clip(corner + side, low + 1, limits)
    first, last = np.rint(low * factor).astype(int), np.rint(high * factor).astype(int)
    width, height = np.maximum(last - first, 1).tolist()
    read = source.read(level, int(first[0]), int(first[1]), width, height)
    smooth = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(read, (high - low).tolist(), interpolation=smooth)
    left, top = (low - corner).tolist()
    right, bottom = (corner + side - high).tolist()
    edges = (max(top, 0), max(bottom, 0), max(left, 0), max(right, 0))
    return np.asarray(cv2.copyMakeBorder(pixels, *edges, cv2.BORDER_REFLECT), np.uint8)[:side, :side]


def find_image(result: ImageResult, images: Path | None) -> Path:
    """Where the image of a result should be: where it was segmented, or a file of its name in the folder `images`."""
    path = Path(result.row.image)
    return path if images is None else (images if images.is_file() else images / path.name)


def open_image(result: ImageResult, images: Path | None) -> Source:
    """Open the image of a result.

    Raises
    ------
    NusegError
        It is not there, cannot be read, or is another one.
    """
    path = find_image(result, images)
    if not path.is_file():
        raise NusegError(
            f"{result.where}: expected its image at {printable(path)}, found nothing; name the folder of the images by "
            "images="
        )
    source = open_source(path)
    if (source.width, source.height) != (result.row.width, result.row.height):
        source.close()
        raise NusegError(
            f"{result.where}: expected an image of {result.row.width} x {result.row.height} px, found "
            f"{source.width} x {source.height} px in {printable(path)}; name the folder of the images by images="
        )
    return source
