"""What a results folder holds of one image: its measures and its outlines, read part by part."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import orjson
import shapely

from nuseg.annotations.polygons import MAX_PX
from nuseg.errors import NusegError
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.output import require_packages
from nuseg.results.records import Record, Records
from nuseg.results.registry import outputs
from nuseg.results.summary import Row
from nuseg.text import in_short, plural, printable, shown
from nuseg.types import Floats, Integers

TABLES = ("csv", "parquet", "geoparquet")
OUTLINES = ("geojson", "geojson-gz", "geoparquet")
AGAIN = "segment the image again, with output='csv,geojson' among the outputs"
ROWS = 16384  # nuclei held at once
LONGEST = 16_000_000  # bytes of one nucleus in GeoJSON
HEAD = b'"features":['
TAIL = b"]}"


@dataclass(frozen=True)
class ImageResult:
    """The files that a results folder holds of one image.

    Attributes
    ----------
    folder : Path
        The results folder.
    record : Record
        What is known of the image.
    """

    folder: Path
    record: Record

    @property
    def row(self) -> Row:
        """Of the summary."""
        return self.record.row

    @property
    def name(self) -> str:
        """Of the files, without suffix."""
        return self.row.name

    @property
    def where(self) -> str:
        """What messages call it."""
        return printable(self.folder / self.name)

    @property
    def mpp(self) -> float:
        """Resolution of level 0 (um/px).

        Raises
        ------
        NusegError
            The summary does not say.
        """
        if not self.row.mpp or not self.row.width or not self.row.height:
            raise NusegError(f"{self.where}: expected its size and resolution in summary.csv, found none; {AGAIN}")
        return self.row.mpp

    def file(self, output: str) -> Path | None:
        """Where an output was written; None where it was not."""
        if output not in outputs:
            return None
        path = outputs[output].path(self.folder, self.name)
        return path if path.exists() else None

    def first(self, names: Sequence[str], what: str) -> tuple[str, Path]:
        """Find the first of some outputs that was written.

        Raises
        ------
        NusegError
            None of them was.
        """
        for name in names:
            path = self.file(name)
            if path is not None and outputs[name].installed:
                return name, path
        raise NusegError(f"{self.where}: expected {what} ({', '.join(names)}), found none of them; {AGAIN}")

    def measures(self) -> dict[str, Floats]:
        """Read the table of nuclei: `(n,)` float64 for each of `nuseg.measure.nuclei.COLUMNS`.

        Raises
        ------
        NusegError
            There is none, it lacks a column, or holds what is no number.
        """
        name, path = self.first(TABLES, "a table of nuclei")
        try:
            read = _csv_columns(path) if name == "csv" else _parquet_columns(path)
        except NusegError:
            raise
        except Exception as error:  # damage makes the readers fail in several ways
            raise NusegError(
                f"{path}: expected a table of nuclei, found another file ({in_short(error)}); {AGAIN}"
            ) from error
        for column, values in read.items():
            if not np.isfinite(values).all():
                raise NusegError(f"{path}: column {column}: expected finite numbers; {AGAIN}")
        if (np.diff(read["id"]) <= 0).any():
            raise NusegError(f"{path}: column id: expected ascending numbers; {AGAIN}")
        return read

    def outlines(self) -> Iterator[tuple[Integers, list[Floats]]]:
        """Give ids and outlines, `(k, 2)` float64 in px of level 0, of at most `ROWS` nuclei at a time.

        Raises
        ------
        NusegError
            There are none, or they are damaged.
        """
        name, path = self.first(OUTLINES, "outlines of nuclei")
        return _parquet_outlines(path) if name == "geoparquet" else _geojson_outlines(path)


def image_results(folder: Path) -> tuple[list[ImageResult], list[Record]]:
    """List the images that a results folder holds results of, and the records of those that failed.

    Raises
    ------
    NusegError
        It is none, or has no results.
    """
    if not folder.is_dir():
        there = "a file" if folder.exists() else "nothing"
        raise NusegError(f"{printable(folder)}: expected a folder of results by nuseg segment, found {there}")
    records = [record for record in Records(folder).read().values() if Path(record.row.name).name == record.row.name]
    found = [ImageResult(folder, record) for record in records if not record.row.error]
    if not found:
        raise NusegError(
            f"{printable(folder)}: expected a folder of results by nuseg segment, found "
            + (f"{plural(len(records), 'image')}, all of them failed" if records else "none")
        )
    return found, [record for record in records if record.row.error]


def _csv_columns(path: Path) -> dict[str, Floats]:
    """Read the columns of a CSV, in parts: as texts they take ten times the memory."""
    parts: dict[str, list[Floats]] = {name: [] for name in COLUMNS}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        places = _places(path, next(rows, []))
        for block in blocks(rows):
            for name, place in places.items():
                parts[name].append(np.array([row[place] for row in block], np.float64))
    return {name: np.concatenate(held) if held else np.zeros(0) for name, held in parts.items()}


def blocks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Take rows in lists of at most `ROWS`."""
    block: list[list[str]] = []
    for row in rows:
        block.append(row)
        if len(block) == ROWS:
            yield block
            block = []
    if block:
        yield block


def _places(path: Path, head: Sequence[str]) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise NusegError(f"{path}: expected a table of nuclei, found one without {', '.join(missing[:3])}; {AGAIN}")
    return {name: head.index(name) for name in COLUMNS}


def _parquet_columns(path: Path) -> dict[str, Floats]:
    import pyarrow.parquet as pq

    _places(path, pq.read_schema(path).names)
    table = pq.read_table(path, columns=list(COLUMNS))
    return {name: np.asarray(table[name].to_numpy(), np.float64) for name in COLUMNS}


def _parquet_outlines(path: Path) -> Iterator[tuple[Integers, list[Floats]]]:
    require_packages("geoparquet", ("pyarrow",), "parquet")
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=["id", "geometry"]):
                shapes = shapely.from_wkb(np.array(batch["geometry"].to_pylist(), object))
                rings = [shapely.get_coordinates(shapely.get_exterior_ring(shape))[:-1] for shape in shapes]
                yield np.asarray(batch["id"].to_numpy(), np.int64), [_checked(path, ring) for ring in rings]
    except NusegError:
        raise
    except Exception as error:
        raise NusegError(
            f"{path}: expected outlines of nuclei, found another file ({in_short(error)}); {AGAIN}"
        ) from error


def _geojson_outlines(path: Path) -> Iterator[tuple[Integers, list[Floats]]]:
    numbers: list[int] = []
    rings: list[Floats] = []
    for feature in geojson_features(path):
        numbers.append(feature_id(path, feature))
        rings.append(_ring(path, feature))
        if len(rings) == ROWS:
            yield np.array(numbers, np.int64), rings
            numbers, rings = [], []
    yield np.array(numbers, np.int64), rings


def feature_id(path: Path, feature: dict[str, Any]) -> int:
    """The number of a nucleus of nuseg's GeoJSON."""
    properties = feature.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    if not (isinstance(name, str) and name.isdecimal() and name.isascii() and len(name) <= 18):
        raise NusegError(f"{path}: expected the number of a nucleus as its name, found {shown(name)}; {AGAIN}")
    return int(name)


def _ring(path: Path, feature: dict[str, Any]) -> Floats:
    try:
        ring = np.array(feature["geometry"]["coordinates"][0][:-1], np.float64)
    except (KeyError, TypeError, IndexError, ValueError, OverflowError):
        ring = np.zeros(0)
    return _checked(path, ring)


def _checked(path: Path, ring: Floats) -> Floats:
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not (np.abs(ring) <= MAX_PX).all():
        raise NusegError(f"{path}: expected outlines of nuclei as polygons, found another one; {AGAIN}")
    return ring


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked where its name ends in `.gz`."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield cast(BinaryIO, file)


def geojson_lines(path: Path) -> Iterator[bytes]:
    """Give the beginning of GeoJSON as nuseg writes it, then the text of each of its features.

    Raises
    ------
    NusegError
        It was not written by nuseg, or is damaged.
    """
    other = NusegError(f"{path}: expected GeoJSON as nuseg segment writes it, found another file; {AGAIN}")
    try:
        with opened(path) as file:
            head, mark, line = file.readline(LONGEST).partition(HEAD)
            if not mark:
                raise other
            yield head + mark
            closed = False
            while line:
                following = file.readline(LONGEST)
                text = line.rstrip()
                if not following:
                    closed = text.endswith(TAIL)
                if len(line) >= LONGEST:
                    raise other
                text = text.removesuffix(b"," if following else TAIL)
                if text:
                    yield text
                line = following
            if not closed:
                raise other
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise NusegError(f"{path}: cannot be read ({in_short(error)}); {AGAIN}") from error


def geojson_features(path: Path) -> Iterator[dict[str, Any]]:
    """Give the features of GeoJSON as nuseg writes it; see `geojson_lines`."""
    lines = geojson_lines(path)
    next(lines)
    for text in lines:
        yield parse_feature(path, text)


def parse_feature(path: Path, text: bytes) -> dict[str, Any]:
    """Parse one nucleus of nuseg's GeoJSON."""
    try:
        feature = orjson.loads(text)
    except ValueError:
        feature = None
    if not isinstance(feature, dict):
        raise NusegError(f"{path}: expected a nucleus in every line, as nuseg segment writes it; {AGAIN}")
    return feature
