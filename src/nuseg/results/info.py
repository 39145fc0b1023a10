"""What a result says beside its nuclei."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nuseg.io.reader import Kind
from nuseg.measure.counts import CountError, image_area_mm2
from nuseg.results.areas import AnnotatedArea
from nuseg.results.columns import Columns
from nuseg.text import printable
from nuseg.types import Floats, Mask

RECORDED_PACKAGES = (
    "nuseg",
    "numpy",
    "opencv-python-headless",
    "openslide-python",
    "openvino",
    "pyarrow",
    "scikit-image",
    "tifffile",
)
DensityArea = Literal["tissue", "region", "image"]
OVERVIEW_UM = 8.0  # resolution of the small picture in which tissue is found, and densities are drawn
OVERVIEW_SIDES = 1024, 4096  # px


def overview_side(width: int, height: int, mpp: float) -> int:
    """Longer side (px) of the small picture of a source of `width` x `height` px at `mpp` um/px."""
    longest = max(width, height)
    return min(longest, int(np.clip(longest * mpp / OVERVIEW_UM, *OVERVIEW_SIDES)))


@dataclass(frozen=True, eq=False)
class ResultInfo:
    """Facts of a segmentation.

    Attributes
    ----------
    name : str
        Of the results' files.
    path : Path, optional
        The source's file.
    kind : "image" or "slide"
    width, height : int
        Size of level 0 (px), of the part of it that coordinates count from.
    mpp : float
        Resolution of level 0 (um/px) that was used.
    mpp_source : str
        Where the resolution came from.
    model : str
        Name of the model.
    classes : tuple of str
        Of nuclei that it tells.
    origin : tuple of int
        x, y of the upper left corner in the file's own level 0 (px).
    count_error : CountError, optional
        How far the model's counts were off on validation images.
    counted : (h, w) bool, optional
        Where nuclei counted, over the whole source, at any size; None = everywhere.
    region_mm2 : float, optional
        Area of the region (mm2) where all of it counted: `counted` is a little larger.
    tissue_mm2 : float, optional
        Area of tissue in `counted` (mm2), without glass and lumen; None where tissue was not looked for.
    annotations : tuple of AnnotatedArea
        The areas of a region in which nuclei are also counted one by one.
    annotations_mm2 : (n,) float
        What their densities are over (mm2): tissue, or all of the area within the source.
    least_density : float, optional
        Optical density from which on this area counts as tissue; `nuseg.preprocess.tissue.tissue_area` explains it.
    fingerprint : str
        Identifies source, model and options.
    settings : dict
        What was asked for.
    tiles : int
    damaged : list of [x, y, width, height]
        Parts of a slide that could not be read, in px of level 0.
    notes : tuple of str
        What the user should know.
    seconds : float
        That it took.
    """

    name: str
    path: Path | None
    kind: Kind
    width: int
    height: int
    mpp: float
    mpp_source: str
    model: str = ""
    classes: tuple[str, ...] = ()
    origin: tuple[int, int] = (0, 0)
    count_error: CountError | None = None
    counted: Mask | None = None
    region_mm2: float | None = None
    tissue_mm2: float | None = None
    annotations: tuple[AnnotatedArea, ...] = ()
    annotations_mm2: Floats = field(default_factory=lambda: np.empty(0))
    least_density: float | None = None
    fingerprint: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    tiles: int = 1
    damaged: list[list[int]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def columns(self) -> Columns:
        """What the tables of nuclei hold."""
        return Columns(self.classes, bool(self.annotations))

    @property
    def area_mm2(self) -> float:
        """Area of the source (mm2), glass included."""
        return image_area_mm2((self.height, self.width), self.mpp)

    @property
    def counted_mm2(self) -> float:
        """Area in which nuclei counted (mm2): tissue, region or all."""
        if self.region_mm2 is not None:
            return self.region_mm2
        return self.area_mm2 if self.counted is None else float(self.counted.mean()) * self.area_mm2

    @property
    def file(self) -> str | None:
        """Name of the source's file, fit for UTF-8."""
        return printable(self.path.name) if self.path else None

    @property
    def density_area(self) -> DensityArea:
        """What densities are over: tissue where it was looked for, else the region, else all of the image."""
        if self.tissue_mm2 is not None:
            return "tissue"
        return "image" if self.region_mm2 is None else "region"

    @property
    def density_mm2(self) -> float:
        """Area that densities are over (mm2)."""
        return self.counted_mm2 if self.tissue_mm2 is None else self.tissue_mm2

    def about(self) -> dict[str, Any]:
        """What files of results note of their origin."""
        return {
            "source": self.file or self.name,
            "mpp": self.mpp,
            "mpp_source": self.mpp_source,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "notes": list(self.notes),
        }


def as_record(info: ResultInfo) -> dict[str, Any]:
    """The facts as plain values, without arrays."""
    left_out = (
        "classes",
        "counted",
        "region_mm2",
        "tissue_mm2",
        "annotations",
        "annotations_mm2",
        "least_density",
        "path",
        "notes",
        "damaged",
        "tiles",
        "seconds",
        "count_error",
        "settings",
    )
    record = {key: value for key, value in asdict(info).items() if key not in left_out}
    return record | {"file": info.file, "origin": list(info.origin)}


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on; of those that are installed under their usual name."""
    found = {}
    for package in RECORDED_PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
