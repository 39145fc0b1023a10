"""Nuclei of a slide as AnnData (`.h5ad`), which scanpy, squidpy and scverse's other tools read.

Written with h5py in AnnData's documented layout, batch by batch. The compressed file grows in memory (less than
100 MB for a million nuclei) and goes to disk whole, because HDF5 crashes after a disk that was full.

Source: AnnData on-disk format, encoding versions 0.1.0 (anndata) and 0.2.0 (array, dataframe).
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch

PLACES = ("x_px", "y_px"), ("x_um", "y_um")
VARIABLES = [name for name in COLUMNS if name not in ("id", "area_px", *PLACES[0], *PLACES[1])]
ROWS = 4096  # in a chunk


@contextmanager
def opened(path: Path, about: Mapping[str, str]) -> Iterator[Callable[[NucleiBatch], None]]:
    """Open a file to add batches of nuclei to; it appears when the block ends well.

    `X` has the measures `VARIABLES` in float32, `obs_names` the ids, `obsm["spatial"]` the centroids in px of
    level 0, `obsm["spatial_um"]` the same in um, `uns["nuseg"]` what `about` says.

    Parameters
    ----------
    path : Path
        Where to write.
    about : mapping of str to str
        Slide, mpp, model and versions.

    Yields
    ------
    function
        Adds a batch.
    """
    import h5py

    content = io.BytesIO()
    with atomic_path(path) as temporary:
        temporary.touch()  # a folder that cannot be written fails now, not after the work
        with h5py.File(content, "w") as file:
            x, names, *spatial = lay_out(file, about)

            def add(batch: NucleiBatch) -> None:
                append(x, batch.table[VARIABLES].to_numpy(np.float32))
                append(names, batch.table["id"].astype(str).to_numpy(object))
                for array, columns in zip(spatial, PLACES, strict=True):
                    append(array, batch.table[list(columns)].to_numpy(np.float64))

            yield add
        temporary.write_bytes(content.getbuffer())


def lay_out(file: Any, about: Mapping[str, str]) -> list[Any]:
    """Lay out an AnnData without observations; the arrays that grow with them: X, names, both centroids."""
    import h5py

    text = h5py.string_dtype()

    def group(parent: Any, name: str, kind: str = "dict", version: str = "0.1.0") -> Any:
        return encoded(parent.create_group(name), kind, version)

    def frame(name: str, columns: list[str]) -> Any:
        made = group(file, name, "dataframe", "0.2.0")
        made.attrs["_index"] = "_index"
        made.attrs.create("column-order", columns, dtype=text)
        return made

    def strings(parent: Any, name: str, values: list[str]) -> None:
        encoded(parent.create_dataset(name, data=values, dtype=text), "string-array")

    def growing(parent: Any, name: str, dtype: Any, *width: int) -> Any:
        array = parent.create_dataset(
            name, (0, *width), dtype, maxshape=(None, *width), chunks=(ROWS, *width), compression="gzip"
        )
        return encoded(array, "string-array" if dtype == text else "array")

    encoded(file, "anndata", "0.1.0")
    for name in ("layers", "obsp", "varm", "varp"):
        group(file, name)
    variables = frame("var", ["meaning"])
    strings(variables, "_index", VARIABLES)
    strings(variables, "meaning", [COLUMNS[name] for name in VARIABLES])
    notes = group(group(file, "uns"), "nuseg")
    for name, value in about.items():
        encoded(notes.create_dataset(name, data=value, dtype=text), "string")
    obs, obsm = frame("obs", []), group(file, "obsm")
    return [
        growing(file, "X", np.float32, len(VARIABLES)),
        growing(obs, "_index", text),
        *(growing(obsm, name, np.float64, 2) for name in ("spatial", "spatial_um")),
    ]


def encoded(element: Any, kind: str, version: str = "0.2.0") -> Any:
    """Mark an element with its encoding, by which AnnData knows how to read it."""
    element.attrs["encoding-type"] = kind
    element.attrs["encoding-version"] = version
    return element


def append(array: Any, rows: np.ndarray) -> None:
    """Add rows at the end of a growing array."""
    before = len(array)
    array.resize(before + len(rows), axis=0)
    array[before:] = rows
