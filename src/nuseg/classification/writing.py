"""The files of a result, written anew with the classes of its nuclei: everything else in them stays as it was."""

import csv
import gzip
import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import orjson

from nuseg.classification.files import AGAIN, blocks, feature_id, geojson_lines, parse_feature
from nuseg.classification.in_areas import classified_areas, write_areas
from nuseg.classification.pictures import write_close, write_overlay, write_picture
from nuseg.classification.scverse import write_anndata, write_spatialdata
from nuseg.classification.told import Told
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, atomic_path
from nuseg.io.documents import read_object
from nuseg.measure.classes import CLASS, class_columns, classes_in
from nuseg.results import areas
from nuseg.results.annotated import PLACE as ANNOTATED
from nuseg.results.facts import PLACE as FACTS
from nuseg.results.facts import keep_facts, read_facts
from nuseg.results.formats.csv import DECIMALS
from nuseg.results.formats.geoparquet import SHAPES
from nuseg.results.output import require_packages
from nuseg.results.records import MARKER
from nuseg.results.registry import outputs
from nuseg.text import in_short
from nuseg.types import Integers

PICTURE = "classes"  # folder of the pictures
BEHIND = (*areas.COLUMNS, *SHAPES)  # columns that come after those of classes


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


def with_classes(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Columns of a table with those of the classes `names`, where tables of a model that tells classes have them.

    Those of an earlier classification go.
    """
    earlier = class_columns(classes_in(columns))
    kept = [column for column in columns if column != CLASS and column not in earlier]
    place = next((place for place, column in enumerate(kept) if column in BEHIND), len(kept))
    return [*kept[:place], *class_columns(names), *kept[place:]]


def values_of(told: Told, rows: Integers) -> dict[str, list[Any]]:
    """Columns of the classes of some nuclei, as text files hold them: rounded, whole numbers without a point."""
    rounded = told.probabilities[rows].round(DECIMALS)
    columns: list[list[Any]] = [[int(one) if one.is_integer() else one for one in held.tolist()] for held in rounded.T]
    return dict(zip(class_columns(told.names), [*columns, class_names(told, rows)], strict=True))


def class_names(told: Told, rows: Integers) -> list[str]:
    """The class of some nuclei."""
    return [told.names[place] for place in told.classes[rows].tolist()]


def write_csv(told: Told, source: Path, path: Path) -> None:
    """Write a table of nuclei with its classes."""
    with (
        source.open(encoding="utf-8", newline="") as file,
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as written,
    ):
        rows, out = csv.reader(file), csv.writer(written, lineterminator="\n")
        head = next(rows, [])
        columns = with_classes(head, told.names)
        out.writerow(columns)
        for block in blocks(rows):
            held: dict[str, Sequence[Any]] = dict(zip(head, zip(*block, strict=True), strict=True))
            ids = np.array(held["id"], np.int64)
            held |= values_of(told, told.rows_of(source, ids))
            out.writerows(zip(*(held[column] for column in columns), strict=True))


def write_parquet(told: Told, source: Path, path: Path) -> None:
    """Write a Parquet or GeoParquet table with its classes, row group by row group."""
    require_packages("parquet", ("pyarrow",), "parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        old, own = file.schema_arrow, class_columns(told.names)
        names = with_classes(old.names, told.names)
        nullable = not any(field.name in SHAPES for field in old)  # as nuseg.results.formats have it
        kinds = {name: pa.field(name, pa.string() if name == CLASS else pa.float64(), nullable) for name in own}
        schema = pa.schema([kinds[name] if name in kinds else old.field(name) for name in names])
        held = {key: value for key, value in (file.metadata.metadata or {}).items() if key != b"ARROW:schema"}
        schema = schema.with_metadata(held | {b"classifier": orjson.dumps(told.about)})
        kept = [name for name in names if name not in own]
        with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for group in range(file.num_row_groups):
                with readable(source):
                    table = file.read_row_group(group, columns=kept)
                    rows = told.rows_of(source, np.asarray(table["id"].to_numpy(), np.int64))
                columns = dict(zip(kept, table.select(kept).itercolumns(), strict=True))
                probabilities = map(np.ascontiguousarray, told.probabilities[rows].T)
                columns |= dict(zip(own, map(pa.array, [*probabilities, class_names(told, rows)]), strict=True))
                writer.write_table(pa.Table.from_arrays([columns[name] for name in names], schema=schema))


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
    """Write the summary with counts, shares and densities of the classes, and what makes them uncertain."""
    tree = read_object(source, "summary", AGAIN)
    earlier = tree.get("notes")
    tree["classes"] = [asdict(one) for one in told.counts]
    tree["classifier"] = told.about
    tree["annotations"] = classified_areas(told, tree.get("annotations"))
    tree["notes"] = [*(earlier if isinstance(earlier, list) else []), *told.notes]
    with atomic_path(path) as temporary:
        temporary.write_bytes(orjson.dumps(tree, option=orjson.OPT_INDENT_2) + b"\n")


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
    "spatialdata": write_spatialdata,
    "spatialdata-reference": write_spatialdata,
    "overlay": write_overlay,
}
"""How each output is written anew; others are copied."""


def write_all(told: Told, out: Path) -> None:
    """Write all files of a result to another folder, what its report is made of, and a picture of its classes.

    Raises
    ------
    NusegError
        A file cannot be read or written.
    """
    name, folder = told.result.name, told.result.folder
    for output in outputs:
        source = told.result.file(output)
        if source is not None:
            with readable(source):
                WRITERS.get(output, copy)(told, source, outputs[output].path(out, name))
    write_beside(told, folder / MARKER, out / MARKER)
    overlay = outputs["overlay"].path(out, name) if told.result.file("overlay") else None
    write_picture(told, overlay, out / PICTURE / f"{name}.png")


def write_beside(told: Told, source: Path, out: Path) -> None:
    """Bring along what reports are made of: counts of annotated areas, facts, and pictures."""
    name = told.result.name
    facts = read_facts(source, name)
    if facts is not None:
        doubts = tuple((finding.what, finding.advice) for finding in told.findings)
        keep_facts(out, name, replace(facts, doubts=doubts), {})
    beside = {f"{FACTS}/{name}.{kind}.jpg": copy for kind in ("small", "density")}
    beside |= {f"{ANNOTATED}/{name}.csv": write_areas, f"{FACTS}/{name}.close.jpg": write_close}
    for place, write in beside.items():
        if (source / place).is_file():
            with readable(source / place):
                write(told, source / place, out / place)
