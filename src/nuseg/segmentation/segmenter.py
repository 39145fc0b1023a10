"""From an image to its nuclei: what `nuseg.segment` does, and the object it returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import pandas as pd

from nuseg.engines.engine import Engine
from nuseg.engines.loading import Device, load_engine
from nuseg.errors import NusegError
from nuseg.io.image import Image, read_image, to_rgb_uint8
from nuseg.io.resolution import resolve_mpp
from nuseg.measure.counts import CountError, count_interval, mask_fraction, nuclei_per_mm2
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.model.config import Thresholds
from nuseg.model.store import DEFAULT_MODEL, Model, Quality, choose_model, load_model
from nuseg.plot import outlines as overlay
from nuseg.results import geojson, mask, table
from nuseg.results import labels as label_tiff
from nuseg.segmentation.image_grid import labels_to_image_grid, map_to_image_grid, to_model_grid
from nuseg.segmentation.postprocess import measure_certainty, separate
from nuseg.segmentation.tiling import DEFAULT_TILE, predict_maps
from nuseg.text import plural

Output = Literal["mask", "labels", "geojson", "csv", "parquet", "overlay"]
SUFFIXES: dict[Output, str] = {
    "mask": ".png",
    "labels": ".tiff",
    "geojson": ".geojson",
    "csv": ".csv",
    "parquet": ".parquet",
    "overlay": ".png",
}
DEFAULT_OUTPUTS: tuple[Output, ...] = ("mask", "labels", "geojson", "csv", "overlay")
PREVIEW_SIDE = 1200  # px; a notebook shows no more


def output_path(folder: Path, output: Output, name: str) -> Path:
    """Say where an output of an image goes: `folder/OUTPUT/NAME.suffix`, one folder for each kind."""
    return folder / output / f"{name}{SUFFIXES[output]}"


def check_outputs(outputs: Sequence[str]) -> tuple[Output, ...]:
    """Check the names of outputs; each is taken once.

    Raises
    ------
    NusegError
        None at all, or an unknown one.
    """
    known = get_args(Output)
    unknown = [output for output in outputs if output not in known]
    if unknown or not outputs:
        found = ", ".join(unknown) or "none"
        raise NusegError(f"outputs: expected some of {', '.join(known)}; found {found}")
    return tuple(output for output in known if output in outputs)


@dataclass(frozen=True)
class Segmentation:
    """The nuclei of one image.

    Attributes
    ----------
    image : Image
        The image; `.image.pixels` is `(h, w, 3)` uint8.
    labels : (h, w) int32
        Label image on the image's own grid: 0 = background, 1..N = nuclei.
    nuclei : pandas.DataFrame
        One row a nucleus, in label order; `nuseg.measure.nuclei.COLUMNS` explains the columns.
    polygons : list of N (k, 2) float64
        Outlines, x and y in pixels from the upper left corner of the image.
    mpp : float
        Resolution that was used (um/px).
    mpp_source : str
        Where the resolution came from.
    model_name : str
        The model.
    count_error : CountError, optional
        How far the model's counts were off.
    """

    image: Image
    labels: np.ndarray
    nuclei: pd.DataFrame = field(repr=False)
    polygons: list[np.ndarray]
    mpp: float
    mpp_source: str
    model_name: str
    count_error: CountError | None = None

    @property
    def mask(self) -> np.ndarray:
        """The nuclei mask, `(h, w)` bool: the union of all nuclei in `labels`."""
        return self.labels > 0

    @property
    def nuclei_per_mm2(self) -> float:
        """Nuclei per mm2 of image."""
        return nuclei_per_mm2(len(self.nuclei), self.labels.shape, self.mpp)

    @property
    def count_interval(self) -> tuple[int, int] | None:
        """Between which numbers the true count is to be expected; None if the model does not say."""
        return count_interval(len(self.nuclei), self.count_error)

    @property
    def mask_fraction(self) -> float:
        """Share of the image that nuclei cover, 0..1."""
        return mask_fraction(self.labels)

    def save(
        self, folder: str | Path, outputs: Sequence[str] = DEFAULT_OUTPUTS, name: str | None = None
    ) -> dict[Output, Path]:
        """Write results to `folder/OUTPUT/NAME.suffix`; files of the same name are replaced.

        Parameters
        ----------
        folder : path
            Is made where missing.
        outputs : sequence of str
            Some of mask, labels, geojson, csv, parquet, overlay.
        name : str, optional
            Name of the files without suffix; default: the image's, or "image" for an array.

        Returns
        -------
        dict
            Output: file written.

        Raises
        ------
        NusegError
            An output is unknown, or the folder cannot be written.
        """
        if name is None:
            name = self.image.path.stem if self.image.path else "image"
        paths = {output: output_path(Path(folder), output, name) for output in check_outputs(outputs)}
        for output, path in paths.items():
            self._write(output, path)
        return paths

    def _write(self, output: Output, path: Path) -> None:
        match output:
            case "mask":
                mask.write(self.mask, path)
            case "labels":
                label_tiff.write(self.labels, self.mpp, path)
            case "geojson":
                geojson.write(self.polygons, self.nuclei, path)
            case "csv" | "parquet":
                table.write(self.nuclei, path)
            case "overlay":
                overlay.write(self.image.pixels, self.labels, path)

    def __repr__(self) -> str:
        height, width = self.labels.shape
        nuclei = plural(len(self.nuclei), "nucleus", "nuclei")
        return (
            f"Segmentation({width} x {height} px at {self.mpp:g} um/px, {nuclei}, "
            f"{self.nuclei_per_mm2:.0f} per mm2, model {self.model_name})"
        )

    def _repr_png_(self) -> bytes:
        """The overlay, for notebooks; a large image is made smaller."""
        drawn = overlay.draw_outlines(self.image.pixels, self.labels)
        shrink = PREVIEW_SIDE / max(drawn.shape[:2])
        if shrink < 1:
            drawn = cv2.resize(drawn, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        return cv2.imencode(".png", drawn[:, :, ::-1])[1].tobytes()


@dataclass(frozen=True)
class Segmenter:
    """A model with the engine that runs it, loaded once for many images.

    Attributes
    ----------
    model : Model
        Resolution, margin, thresholds.
    network : Engine
        The engine, or any function from `(n, h, w, 3)` uint8 to maps `(n, 2, h, w)` float32.
    tile : int
        Side of a tile (px of the model's grid); no influence on the result.
    """

    model: Model
    network: Engine
    tile: int = DEFAULT_TILE

    @classmethod
    def load(
        cls,
        model: str | Path | Model = DEFAULT_MODEL,
        device: Device = "auto",
        threads: int | None = None,
        tile: int = DEFAULT_TILE,
    ) -> "Segmenter":
        """Load a model and its engine; `segment` explains the parameters."""
        found = model if isinstance(model, Model) else load_model(model)
        return cls(found, load_engine(found, device, threads), tile)

    def __call__(
        self,
        image: str | Path | np.ndarray | Image,
        mpp: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Segmentation:
        """Segment one image; `segment` explains the parameters."""
        image = as_image(image)
        resolution = resolve_mpp(image, mpp)
        labels, certainty = self.find_nuclei(image.pixels, resolution.mpp, progress)
        polygons = outlines(labels)
        return Segmentation(
            image=image,
            labels=labels,
            nuclei=measure_nuclei(
                labels,
                image.pixels,
                certainty,
                resolution.mpp,
                polygons,
                calibration=self.model.config.calibration,
            ),
            polygons=polygons,
            mpp=resolution.mpp,
            mpp_source=resolution.source,
            model_name=self.model.config.name,
            count_error=self.model.config.count_error,
        )

    def find_nuclei(
        self, pixels: np.ndarray, mpp: float, progress: Callable[[float], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the nuclei of an image at `mpp` um/px; see `read_maps` for what is returned."""
        maps = self.predict(pixels, mpp, progress)
        return read_maps(maps, self.model.config.thresholds, mpp, pixels.shape[:2])

    def predict(self, pixels: np.ndarray, mpp: float, progress: Callable[[float], None] | None = None) -> np.ndarray:
        """Run the network over an image at `mpp` um/px; the maps are on the model's grid."""
        config = self.model.config
        return predict_maps(self.network, to_model_grid(pixels, mpp, config.mpp), config, self.tile, progress)


def read_maps(
    maps: np.ndarray, thresholds: Thresholds, mpp: float, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Turn maps on the model's grid into nuclei on the image's own.

    Parameters
    ----------
    maps : (2, h', w') float32
        Mask probability and normalised distance.
    thresholds : Thresholds
        Of the model.
    mpp : float
        Resolution of the image (um/px).
    shape : tuple of int
        Height and width of the image.

    Returns
    -------
    labels : (h, w) int32
        Label image on the image's grid.
    certainty : (h, w) float32
        Mean of mask probability and distance on the image's grid, 0..1.
    """
    # The grid's size was rounded to whole pixels: this is the resolution that came of it.
    maps_mpp = mpp * (shape[0] * shape[1] / maps[0].size) ** 0.5
    labels = separate(maps, thresholds, maps_mpp)
    foreground = map_to_image_grid(maps[0], shape) >= thresholds.mask
    return labels_to_image_grid(labels, foreground), map_to_image_grid(measure_certainty(maps), shape)


def as_image(image: str | Path | np.ndarray | Image) -> Image:
    """Read a path, or take an array or an image as it is."""
    if isinstance(image, Image):
        return image
    if isinstance(image, str | Path):
        return read_image(image)
    return Image(pixels=to_rgb_uint8(image), mpp=None, mpp_source=None, path=None)


@lru_cache(maxsize=2)
def remembered_engine(
    folder: Path, _files: tuple[str, ...], quality: Quality | None, device: Device, threads: int | None
) -> Engine:
    """Load an engine, or give the one loaded before: `segment` in a loop would load it for every image."""
    return load_engine(choose_model(folder, quality), device, threads)


def segment(
    image: str | Path | np.ndarray | Image,
    mpp: float | None = None,
    model: str | Path | Model | None = None,
    *,
    quality: Quality | None = None,
    device: Device = "auto",
    threads: int | None = None,
    tile: int = DEFAULT_TILE,
    engine: Engine | None = None,
    progress: Callable[[float], None] | None = None,
) -> Segmentation:
    """Segment, count and measure the nuclei of an H&E image.

    Parameters
    ----------
    image : path, array or Image
        A file, or pixels as `nuseg.io.image.to_rgb_uint8` takes them: grey, RGB or RGBA, of 8 or 16 bits or
        float.
    mpp : float, optional
        Resolution (um/px), over what the file says. Where neither says it, 0.25 is taken with a warning.
    model : str, path or Model
        Name of a shipped model, a model folder, or a run folder; default: the quality's.
    quality : {"fast", "default", "best"}, optional
        How much time to spend; "best" sees every image in eight orientations.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run.
    threads : int, optional
        CPU threads; default: all.
    tile : int
        Side of the tiles that the image is cut into (px); memory grows with it, the result is the same.
    engine : function, optional
        Runs the network instead of the model's own engine: `(n, h, w, 3)` uint8 to maps `(n, 2, h, w)`
        float32.
    progress : function, optional
        Called with the share of the network's work done, 0..1.

    Returns
    -------
    Segmentation
        `.mask`, `.labels`, `.nuclei`, `.polygons`, `.save(folder)`; a picture in notebooks.

    Raises
    ------
    NusegError
        The image, the resolution or the model cannot be used; the message says why.

    Examples
    --------
    >>> result = nuseg.segment("slide.png", mpp=0.25)  # doctest: +SKIP
    >>> result.nuclei["area_um2"].mean()  # doctest: +SKIP
    """
    found = choose_model(model, quality)
    if engine is None:
        files = tuple(sorted(found.config.files.values()))
        best: Quality | None = "best" if found.config.orientations > 1 else None
        engine = remembered_engine(found.path, files, best, device, threads)
    return Segmenter(found, engine, tile)(image, mpp, progress)
