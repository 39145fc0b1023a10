"""All results of a slide, written in one pass over its nuclei."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.measure.density import CountGrid
from nuseg.measure.nuclei import COLUMNS
from nuseg.plot import density as picture
from nuseg.results import anndata, geojson, geoparquet, mask, ome_zarr, table
from nuseg.results.batch import NucleiBatch, regroup
from nuseg.results.info import SlideInfo

SlideOutput = Literal[
    "geoparquet", "geojson", "geojson-gz", "csv", "overview", "density", "tissue", "summary", "zarr", "anndata"
]
DEFAULT_SLIDE_OUTPUTS: tuple[SlideOutput, ...] = (
    "geoparquet",
    "geojson",
    "overview",
    "density",
    "tissue",
    "summary",
)
# Folder and suffix.
PLACES: dict[SlideOutput, tuple[str, str]] = {
    "geoparquet": ("geoparquet", ".parquet"),
    "geojson": ("geojson", ".geojson"),
    "geojson-gz": ("geojson", ".geojson.gz"),
    "csv": ("csv", ".csv"),
    "overview": ("overview", ".png"),
    "density": ("density", ".png"),
    "tissue": ("tissue", ".png"),
    "summary": ("summary", ".json"),
    "zarr": ("zarr", ".ome.zarr"),
    "anndata": ("anndata", ".h5ad"),
}
NEEDED_PACKAGES: dict[str, str] = {"zarr": "zarr", "anndata": "h5py"}
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
MEASURES = [name for name in COLUMNS if name not in ("id", "x_px", "y_px", "x_um", "y_um", "area_px")]
ROWS = 16384  # nuclei held at once, and in a row group: some 30 MB


def slide_output_path(folder: Path, output: SlideOutput, name: str) -> Path:
    """Say where an output of a slide goes."""
    kind, suffix = PLACES[output]
    return folder / kind / f"{name}{suffix}"


def check_slide_outputs(outputs: Sequence[str]) -> tuple[SlideOutput, ...]:
    """Check the names of a slide's outputs, and that what writes them is installed; each is taken once.

    Raises
    ------
    NusegError
        None at all, an unknown one, or one that needs a package that is missing.
    """
    known = get_args(SlideOutput)
    unknown = [output for output in outputs if output not in known]
    if unknown or not outputs:
        found = ", ".join(unknown) or "none"
        raise NusegError(f"outputs of a slide: expected some of {', '.join(known)}; found {found}")
    for output in outputs:
        package = NEEDED_PACKAGES.get(output)
        if package is not None and find_spec(package) is None:
            raise NusegError(f"output {output} needs the package {package}: pip install 'nuseg[{output}]'")
    return tuple(output for output in known if output in outputs)


def write_slide_results(
    folder: Path,
    name: str,
    batches: Iterable[NucleiBatch],
    info: SlideInfo,
    summary: Mapping[str, Any],
    outputs: Sequence[SlideOutput] = DEFAULT_SLIDE_OUTPUTS,
) -> dict[str, Any]:
    """Write the results of a slide, in one pass and in memory that does not grow with the nuclei.

    Every file appears under its name only when it is whole; the summary is the last one. All but the summary
    are the same bytes for the same nuclei, however they are cut into batches.

    Parameters
    ----------
    folder : Path
        Results go to `slide_output_path(folder, output, name)`.
    name : str
        Name of the files.
    batches : iterable of NucleiBatch
        The nuclei in the order of their ids.
    info : SlideInfo
        The slide.
    summary : mapping
        What else the summary is to hold; `model` and `fingerprint`, text, are also noted in the files. It is
        read once more after the last batch, so it may be filled until then (seconds, warnings, damaged
        tiles).
    outputs : sequence of str
        From `check_slide_outputs`.

    Returns
    -------
    dict
        The content of the summary, also where that is not written.

    Raises
    ------
    NusegError
        A file cannot be written: permissions, disk full.
    """
    paths = {output: slide_output_path(folder, output, name) for output in outputs}
    about = {
        "slide": info.path.name,
        "mpp": repr(info.mpp),
        **{key: str(summary[key]) for key in ("model", "fingerprint") if key in summary},
        **{f"version_{package}": number for package, number in versions().items()},
    }
    writers: dict[SlideOutput, Callable[[Path], AbstractContextManager[Callable[[NucleiBatch], None]]]] = {
        "geoparquet": lambda path: geoparquet.opened(path, about),
        "geojson": lambda path: geojson.opened(path, name),
        "geojson-gz": lambda path: geojson.opened(path, name),
        "csv": table.opened_csv,
        "zarr": lambda path: ome_zarr.opened(path, info),
        "anndata": lambda path: anndata.opened(path, about),
    }
    grid = CountGrid(info.thumbnail.shape[:2], info.width, info.height)
    sums = np.zeros(len(MEASURES))
    with ExitStack() as stack:
        adds = [stack.enter_context(writers[output](path)) for output, path in paths.items() if output in writers]
        for batch in regroup(batches, ROWS):
            grid.add(batch.table["x_px"].to_numpy(), batch.table["y_px"].to_numpy())
            sums += batch.table[MEASURES].sum().to_numpy()
            for add in adds:
                add(batch)
    record = summarise(info, int(grid.counts.sum()), sums) | dict(summary) | {"versions": versions()}
    for output, path in paths.items():
        match output:
            case "overview":
                picture.write_overview(info, grid.counts, path)
            case "density":
                picture.write_density(info, grid.counts, path)
            case "tissue":
                mask.write(info.tissue, path)
    if "summary" in paths:
        with atomic_path(paths["summary"]) as temporary:
            temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return record


def summarise(info: SlideInfo, nuclei: int, sums: np.ndarray) -> dict[str, Any]:
    """Make the part of the summary that comes from the slide and its nuclei; `sums` of `MEASURES`."""
    total = dict(zip(MEASURES, sums.tolist(), strict=True))
    return {
        "slide": info.path.name,
        "width": info.width,
        "height": info.height,
        "mpp": info.mpp,
        "mpp_source": info.mpp_source,
        "area_mm2": info.area_mm2,
        "tissue_mm2": info.tissue_mm2,
        "nuclei": nuclei,
        "nuclei_per_mm2": nuclei / info.tissue_mm2 if info.tissue_mm2 else None,
        "mask_fraction": total["area_um2"] / 1e6 / info.tissue_mm2 if info.tissue_mm2 else None,
        "mean": {name: value / nuclei for name, value in total.items()} if nuclei else {},
    }


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on; of those that are installed under their usual name."""
    found = {}
    for package in RECORDED_PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
