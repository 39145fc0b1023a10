"""AnnData and SpatialData with the classes of nuclei, written anew: all but the table's columns stays as it was."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nuseg.classification.told import Told
from nuseg.io.atomic import atomic_folder, atomic_path
from nuseg.measure.classes import CLASS, PROBABILITY, class_columns
from nuseg.results import areas
from nuseg.results.formats.anndata import FOREIGN, SLASH, as_palette, stored_names
from nuseg.results.output import require_packages

if TYPE_CHECKING:
    import pandas as pd


def write_anndata(told: Told, source: Path, path: Path) -> None:
    """Write AnnData with classes and probabilities as columns of `obs`, and colours in `uns`."""
    require_packages("anndata", ("anndata", "h5py"), "anndata")
    import h5py

    with atomic_path(path) as temporary:
        shutil.copyfile(source, temporary)
        with h5py.File(temporary, "r+") as file:
            write_classes(told, source, file, SLASH)


def write_spatialdata(told: Told, source: Path, path: Path) -> None:
    """Write SpatialData whose table has classes and probabilities."""
    require_packages("spatialdata", ("anndata", "zarr"), "spatialdata")
    import zarr

    with atomic_folder(path) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        write_classes(told, source, zarr.open_group(folder / "tables" / "table", mode="r+"), FOREIGN)
        zarr.consolidate_metadata(folder)


def write_classes(told: Told, source: Path, group: Any, foreign: "re.Pattern[str]") -> None:
    """Bring classes into the AnnData that a group of HDF5 or Zarr holds; names of columns have no `foreign` in them."""
    from anndata.io import read_elem, write_elem

    table, uns = read_elem(group["obs"]), read_elem(group["uns"])
    table = classified(told, source, table)
    table.columns = stored_names(table, foreign)
    write_elem(group, "obs", table)
    write_elem(group, "uns", {**uns, **as_palette(told.colours)})


def classified(told: Told, source: Path, table: "pd.DataFrame") -> "pd.DataFrame":
    """The table of nuclei with their classes; those of an earlier classification go."""
    import pandas as pd

    rows = told.rows_of(source, table.index.to_numpy().astype(np.int64))
    kept = table[[name for name in table if name != CLASS and not str(name).startswith(PROBABILITY)]]
    own = pd.DataFrame(told.probabilities[rows], kept.index, list(class_columns(told.names))[:-1])
    names = pd.Index(told.names, dtype=object)
    own[CLASS] = pd.Categorical.from_codes(told.classes[rows], names)
    whole = pd.concat([own, kept], axis=1)
    behind = [column for column in kept if column in areas.COLUMNS]
    whole = whole[[*own, *behind, *(column for column in kept if column not in behind)]]
    # Strings as objects: AnnData does not write those of Arrow.
    for column in whole:
        if isinstance(whole[column].dtype, pd.CategoricalDtype):
            held = whole[column].cat
            whole[column] = pd.Categorical.from_codes(held.codes, pd.Index(list(held.categories), dtype=object))
        elif isinstance(whole[column].dtype, pd.StringDtype):
            whole[column] = whole[column].astype(object)
    whole.index = pd.Index([str(number) for number in whole.index], dtype=object)
    return whole
