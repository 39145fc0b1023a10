"""What a report shows of one result beside its row in the summary: sizes, local densities, stain, focus, pictures.

It is found when the image is segmented, while its pixels are at hand, and kept in small files beside the record.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cv2
import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.documents import DocumentError, Limits, read_bytes, read_json
from nuseg.measure.colours import check_image, stain_of
from nuseg.measure.distribution import quantiles_of_counts
from nuseg.measure.focus import sharpness
from nuseg.measure.stain import optical_density
from nuseg.plot.density import draw_overview
from nuseg.results.statistics import SIZES
from nuseg.types import RGB, Floats, Integers, Mask

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

PLACE = "report"  # folder within that of the records
FIELD_UM = 128.0  # side of a field that is looked at closely
FIELDS = 3  # of an image: where nuclei lie most densely
FIELD_PX = 1024  # a side at most
SQUARE_UM = 250.0  # side of the squares that local densities are counted in
FEWEST_SQUARES = 4  # to speak of local densities
FILLED = 0.5  # share of a square in which nuclei count, at least
ROWS_AT_ONCE = 256  # of an overview
TISSUE = 0.05  # optical density from which on a pixel is no glass
LEAST_TISSUE = 0.02  # of the picture, to speak of its stain
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
SMALL_PX, CLOSE_PX, DENSITY_PX = 160, 384, 520  # longer side of the pictures
QUALITY = {"small": 80, "close": 78, "density": 80}  # of JPEG
PICTURE_BYTES = 1_000_000

PictureName = Literal["small", "close", "density"]
Share = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Facts:
    """What is known of a result for reports.

    Attributes
    ----------
    sizes : tuple of int
        Nuclei of each whole um2 of area, see `nuseg.results.statistics.Statistics`; without the zeros at the end.
    local_densities : tuple of float
        Quantiles `QUANTILES` of the nuclei per mm2 in squares of `SQUARE_UM`; empty where there are fewer than four.
    sharpness : float, optional
        Median over some fields, see `nuseg.measure.focus.sharpness`.
    stain : tuple of float
        Of the whole picture made small, see `nuseg.measure.colours.stain_of`; empty without tissue.
    unlike : tuple of str
        What makes the picture unlike H&E.
    doubts : tuple of (str, str)
        What makes the classes of its nuclei uncertain, and what to do.
    """

    sizes: tuple[Annotated[int, Field(ge=0)], ...] = ()
    local_densities: tuple[Share, ...] = ()
    sharpness: Share | None = None
    stain: tuple[Share, ...] = ()
    unlike: tuple[str, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()

    def size_counts(self) -> np.ndarray:
        """Nuclei of each whole um2 of area, `(SIZES,)` int64."""
        counts = np.zeros(SIZES, np.int64)
        held = self.sizes[:SIZES]
        counts[: len(held)] = held
        return counts


FACTS = TypeAdapter(Facts)


def facts_of(result: "Segmentation") -> Facts:
    """Find the facts of a result; its source is still open."""
    overview = result.overview
    tissue = tissue_densities(overview.thumbnail, overview.counted)
    values = [sharpness(optical_density(field).mean(axis=2)) for field in read_fields(result, FIELDS)]
    known = [value for value in values if np.isfinite(value)]
    return Facts(
        sizes=tuple(np.trim_zeros(result.statistics.sizes, "b").tolist()),
        local_densities=local_densities(overview.counts, overview.counted, overview.cell_um),
        sharpness=float(np.median(known)) if known else None,
        stain=tuple(stain_of(tissue).tolist()) if len(tissue) >= LEAST_TISSUE * overview.counted.size else (),
        unlike=tuple(check_image(overview.thumbnail)),
    )


def tissue_densities(thumbnail: RGB, counted: Mask) -> Floats:
    """Optical density of red, green and blue, `(n, 3)` float32, where nuclei count and there is no glass.

    It is found strip by strip: a large overview takes a dozen times its bytes in float.
    """
    blurred = cv2.GaussianBlur(thumbnail, (0, 0), 1).reshape(thumbnail.shape)
    found = [np.zeros((0, 3), np.float32)]
    for start in range(0, len(blurred), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        density = optical_density(blurred[rows])
        found.append(density[counted[rows] & (density.mean(axis=2) > TISSUE)])
    return np.concatenate(found)


def local_densities(counts: np.ndarray, counted: np.ndarray, cell_um: float) -> tuple[float, ...]:
    """Count in squares of `SQUARE_UM`, and give quantiles of their densities (per mm2).

    Parameters
    ----------
    counts : (h, w) integer
        Nuclei in each cell.
    counted : (h, w) bool
        Cells in which nuclei count; squares that they fill by less than half are left out.
    cell_um : float
        Side of a cell (um).

    Returns
    -------
    tuple of float
        At `QUANTILES`; empty where there are fewer than `FEWEST_SQUARES`.
    """
    side = max(1, round(SQUARE_UM / cell_um))
    rows, columns = (length // side for length in counts.shape)
    if rows * columns < FEWEST_SQUARES:
        return ()
    nuclei, cells = (
        grid[: rows * side, : columns * side].reshape(rows, side, columns, side).sum(axis=(1, 3))
        for grid in (counts, counted.astype(np.int64))
    )
    full = cells >= FILLED * side**2
    if full.sum() < FEWEST_SQUARES:
        return ()
    per_mm2 = nuclei[full] / (cells[full] * cell_um**2 / 1e6)
    return tuple(np.quantile(per_mm2, QUANTILES).tolist())


def field_side(mpp: float) -> int:
    """Side of a field that is looked at closely (px)."""
    return min(max(round(FIELD_UM / mpp), 64), FIELD_PX)


def densest_fields(result: "Segmentation", count: int, side: int) -> list[tuple[int, int, int, int]]:
    """Find the parts of a result in which nuclei lie most densely; see `densest`."""
    return densest(result.overview.counts, (result.info.width, result.info.height), count, side)


def densest(counts: Integers, size: tuple[int, int], count: int, side: int) -> list[tuple[int, int, int, int]]:
    """Find the parts of a source, of `side` px at most, in which nuclei lie most densely, apart from one another.

    Parameters
    ----------
    counts : (h, w) integer
        Nuclei in each cell of a grid over the source.
    size : (width, height)
        Of the source (px of level 0).
    count : int
        Of parts, at most.
    side : int
        Of a part (px).

    Returns
    -------
    list of (x, y, width, height)
        In px of level 0, the densest first; at least one.
    """
    width, height = (min(side, whole) for whole in size)
    px = size[0] / counts.shape[1]
    wide, high = max(1, round(width / px)), max(1, round(height / px))
    integral = cv2.integral(counts.astype(np.float32))  # float64
    inside = integral[high:, wide:] - integral[:-high, wide:]
    inside -= integral[high:, :-wide]
    inside += integral[:-high, :-wide]
    found: list[tuple[int, int, int, int]] = []
    for _ in range(count):
        row, column = np.unravel_index(int(inside.argmax()), inside.shape)
        if found and inside[row, column] <= 0:
            break
        x, y = min(round(column * px), size[0] - width), min(round(row * px), size[1] - height)
        found.append((x, y, width, height))
        inside[max(0, row - high + 1) : row + high, max(0, column - wide + 1) : column + wide] = -1
    return found


def read_fields(result: "Segmentation", count: int) -> list[RGB]:
    """Read the densest fields of a source, those that are damaged left out."""
    fields = []
    for place in densest_fields(result, count, field_side(result.mpp)):
        try:
            fields.append(result.read_pixels(*place))
        except NusegError:  # the result's notes say so
            continue
    return fields


def pictures_of(result: "Segmentation") -> dict[PictureName, bytes]:
    """Draw the whole picture made small, its densest field with outlines, and of a slide the densities, as JPEG."""
    pictures: dict[PictureName, RGB] = {"small": shrunk(result.overview.thumbnail, SMALL_PX)}
    if result.info.kind == "slide":
        pictures["density"] = shrunk(draw_overview(result.overview), DENSITY_PX)
    for place in densest_fields(result, 1, field_side(result.mpp)):
        try:
            pictures["close"] = shrunk(result.read_outlined(*place), CLOSE_PX)
        except NusegError:  # the result's notes say so
            continue
    return {name: as_jpeg(pixels, QUALITY[name]) for name, pixels in pictures.items()}


def shrunk(pixels: RGB, side: int) -> RGB:
    """Make a picture smaller where its longer side has more than `side` px."""
    factor = side / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def as_jpeg(pixels: RGB, quality: int) -> bytes:
    """Pack RGB pixels as JPEG."""
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def keep_facts(marker: Path, name: str, facts: Facts, pictures: Mapping[PictureName, bytes]) -> None:
    """Write the facts and the pictures of a result below the hidden folder `marker`.

    Raises
    ------
    NusegError
        It cannot be written.
    """
    for what, content in pictures.items():
        with atomic_path(marker / PLACE / f"{name}.{what}.jpg") as temporary:
            temporary.write_bytes(content)
    with atomic_path(marker / PLACE / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(asdict(facts)), encoding="utf-8")


def read_facts(marker: Path, name: str) -> Facts | None:
    """Read the facts of a result; None where there are none, or none that can be used."""
    try:
        return FACTS.validate_python(read_json(marker / PLACE / f"{name}.json", Limits(size=100_000, values=2_000)))
    except (DocumentError, ValidationError):
        return None


def read_picture(marker: Path, name: str, what: PictureName) -> bytes | None:
    """Read a picture of a result, a JPEG; None where there is none."""
    try:
        content = read_bytes(marker / PLACE / f"{name}.{what}.jpg", PICTURE_BYTES)
    except DocumentError:
        return None
    return content if content.startswith(b"\xff\xd8") else None


def size_quantiles(counts: Integers) -> Floats:
    """Quantiles `QUANTILES` of nuclear area (um2) of counts by whole um2 `(SIZES,)`; NaN where there are no nuclei."""
    return quantiles_of_counts(counts, QUANTILES)
