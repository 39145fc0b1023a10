"""The files of a result, written anew with the classes of its nuclei: everything else in them stays as it was."""

import csv
import gzip
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import orjson

from nuseg.classification.files import AGAIN, ImageResult, blocks, feature_id, geojson_lines, parse_feature
from nuseg.classification.pictures import write_overlay, write_picture
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, atomic_path
from nuseg.io.documents import read_object
from nuseg.io.source import Source
from nuseg.measure.classes import CLASS, PROBABILITY, Colour, class_columns
from nuseg.results.output import require_packages
from nuseg.results.registry import outputs
from nuseg.text import in_short
from nuseg.types import Floats, Integers

DECIMALS = 4
PICTURE = "classes"  # folder of the pictures


@dataclass(frozen=True, eq=False)
class Told:
    """What was told of the nuclei of one image.

    Attributes
    ----------
    result : ImageResult
        Where they are.
    source : Source, optional
        The image, where it is at hand.
    ids : (n,) int64
        Their numbers, ascending.
    places : (n, 2) float64
        Centroids in px of level 0.
    classes : (n,) int64
        Place of the class of each in `colours`.
    probabilities : (n, classes) float64
    colours : dict
        Red, green, blue (0..255) of each class, by name.
    about : dict
        Which classifier, for the records in files.
    """

    result: ImageResult
    source: Source | None
    ids: Integers
    places: Floats
    classes: Integers
    probabilities: Floats
    colours: dict[str, Colour]
    about: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """Classes."""
        return list(self.colours)

    def counts(self) -> dict[str, int]:
        """Nuclei of each class."""
        return dict(zip(self.names, np.bincount(self.classes, minlength=len(self.colours)).tolist(), strict=True))

    def rows_of(self, path: Path, numbers: Integers) -> Integers:
        """Rows of nuclei by their numbers.

        Raises
        ------
        NusegError
            There is no such nucleus.
        """
        rows = np.searchsorted(self.ids, numbers)
        known = len(self.ids) > 0 and (self.ids[np.minimum(rows, len(self.ids) - 1)] == numbers).all()
        if len(numbers) and not known:
            raise NusegError(f"{path}: expected the nuclei of its table, found others; {AGAIN}")
        return rows

    def values(self, rows: Integers) -> list[list[Any]]:
        """Class and probabilities of some nuclei, as files hold them."""
        rounded = self.probabilities[rows].round(DECIMALS).tolist()
        return [[self.names[place], *own] for place, own in zip(self.classes[rows].tolist(), rounded, strict=True)]


@contextmanager
def readable(source: Path) -> Iterator[None]:
    """Say of whatever readers raise that the file is damaged; they meet damage with exceptions of every kind.

    Raises
    ------
    NusegError
        In one line, with the file's name.
    """
    try:
        yield
    except (NusegError, MemoryError):
        raise
    except Exception as error:
        raise NusegError(f"{source}: damaged, cannot be read ({in_short(error)}); {AGAIN}") from error


def write_csv(told: Told, source: Path, path: Path) -> None:
    """Write a table of nuclei with its classes; columns of an earlier classification go."""
    with (
        source.open(encoding="utf-8", newline="") as file,
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as written,
    ):
        rows, out = csv.reader(file), csv.writer(written, lineterminator="\n")
        head = next(rows, [])
        kept = kept_columns(head)
        out.writerow([*(head[place] for place in kept), *class_columns(told.names)])
        number = head.index("id") if "id" in head else -1
        for block in blocks(rows):
            ids = np.array([int(row[number]) for row in block], np.int64)
            out.writerows(
                [*(row[place] for place in kept), *own]
                for row, own in zip(block, told.values(told.rows_of(source, ids)), strict=True)
            )


def kept_columns(names: list[str]) -> list[int]:
    """Which columns of a table are not of an earlier classification."""
    return [place for place, name in enumerate(names) if name != CLASS and not name.startswith(PROBABILITY)]


def write_parquet(told: Told, source: Path, path: Path) -> None:
    """Write a Parquet or GeoParquet table with its classes, row group by row group; see `write_csv`."""
    require_packages("parquet", ("pyarrow",), "parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        names = file.schema_arrow.names
        columns = [names[place] for place in kept_columns(names)]
        kinds = [pa.field(name, pa.string() if name == CLASS else pa.float64()) for name in class_columns(told.names)]
        schema = pa.schema([*(file.schema_arrow.field(name) for name in columns), *kinds])
        held = {key: value for key, value in (file.metadata.metadata or {}).items() if key != b"ARROW:schema"}
        schema = schema.with_metadata(held | {b"classifier": orjson.dumps(told.about)})
        with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for group in range(file.num_row_groups):
                with readable(source):
                    table = file.read_row_group(group, columns=columns)
                    rows = told.rows_of(source, np.asarray(table["id"].to_numpy(), np.int64))
                arrays = [pa.array([told.names[place] for place in told.classes[rows].tolist()], pa.string())]
                arrays += [pa.array(np.ascontiguousarray(column)) for column in told.probabilities[rows].T]
                writer.write_table(pa.Table.from_arrays([*table.itercolumns(), *arrays], schema=schema))


def write_geojson(told: Told, source: Path, path: Path) -> None:
    """Write QuPath detections with their classes, colours and probabilities."""
    kinds = [{"name": name, "color": list(colour)} for name, colour in told.colours.items()]
    measured = [f"Probability {name}" for name in told.names]
    lines = geojson_lines(source)
    with atomic_path(path) as temporary, packed(temporary) as file:
        file.write(next(lines))
        separator = b""
        for text in lines:
            feature = parse_feature(source, text)
            row = told.rows_of(source, np.array([feature_id(source, feature)]))[0]
            properties = feature["properties"]
            properties["classification"] = kinds[told.classes[row]]
            own = dict(zip(measured, told.probabilities[row].round(DECIMALS).tolist(), strict=True))
            properties["measurements"] = {**earlier_measures(properties.get("measurements")), **own}
            file.write(separator + orjson.dumps(feature))
            separator = b",\n"
        file.write(b"]}")


def earlier_measures(found: object) -> dict[str, Any]:
    """The measures of a nucleus without the probabilities of an earlier classification."""
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if not name.startswith("Probability ")}


@contextmanager
def packed(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write to, compressed where its name ends in `.gz`; the same content gives the same bytes."""
    with path.open("wb") as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as inner, io.BufferedWriter(inner) as text:
            yield cast(BinaryIO, text)


def write_summary(told: Told, source: Path, path: Path) -> None:
    """Write the summary with counts and densities of the classes."""
    tree = read_object(source, "summary", AGAIN)
    tree["classes"] = class_rows(told)
    tree["classifier"] = told.about
    with atomic_path(path) as temporary:
        temporary.write_bytes(orjson.dumps(tree, option=orjson.OPT_INDENT_2) + b"\n")


def class_rows(told: Told) -> list[dict[str, Any]]:
    """Count each class: nuclei, share of all, nuclei per mm2 of the area that the summary counts over."""
    total, area = len(told.ids), told.result.row.area_mm2
    return [
        {
            "class": name,
            "nuclei": count,
            "share": round(count / total, 5) if total else None,
            "nuclei_per_mm2": round(count / area, 2) if area else None,
        }
        for name, count in told.counts().items()
    ]


def write_anndata(told: Told, source: Path, path: Path) -> None:
    """Write AnnData with classes as a column of `obs`, and probabilities beside it."""
    require_packages("anndata", ("anndata", "h5py"), "anndata")
    import h5py
    import pandas as pd
    from anndata.io import read_elem, write_elem

    with atomic_path(path) as temporary:
        shutil.copyfile(source, temporary)
        with h5py.File(temporary, "r+") as file:
            with readable(source):
                table = read_elem(file["obs"])
            table = table[[name for name in table if name != CLASS and not str(name).startswith(PROBABILITY)]]
            rows = told.rows_of(source, table.index.to_numpy().astype(np.int64))
            names = np.array(told.names, object)[told.classes[rows]]
            table[CLASS] = pd.Categorical(names, categories=pd.Index(told.names, dtype=object))
            for place, column in enumerate(list(class_columns(told.names))[1:]):
                table[column.replace("/", "_")] = told.probabilities[rows, place]  # HDF5 takes "/" for a folder
            # Strings as objects: AnnData does not write those of Arrow.
            table.index = pd.Index([str(number) for number in table.index], dtype=object)
            table.columns = pd.Index(list(table.columns), dtype=object)
            write_elem(file, "obs", table)


def copy(told: Told, source: Path, path: Path) -> None:
    """Copy what classes do not change."""
    if source.is_dir():
        with atomic_folder(path) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)
        return
    with atomic_path(path) as temporary:
        shutil.copyfile(source, temporary)


WRITERS: dict[str, Callable[[Told, Path, Path], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "geoparquet": write_parquet,
    "geojson": write_geojson,
    "geojson-gz": write_geojson,
    "summary": write_summary,
    "anndata": write_anndata,
    "overlay": write_overlay,
}
"""How each output is written anew; others are copied."""


def write_all(told: Told, out: Path) -> None:
    """Write all files of a result to another folder, and a picture of its classes.

    Raises
    ------
    NusegError
        A file cannot be read or written.
    """
    name = told.result.name
    for output in outputs:
        source = told.result.file(output)
        if source is not None:
            with readable(source):
                WRITERS.get(output, copy)(told, source, outputs[output].path(out, name))
    overlay = outputs["overlay"].path(out, name) if told.result.file("overlay") else None
    write_picture(told, overlay, out / PICTURE / f"{name}.png")
