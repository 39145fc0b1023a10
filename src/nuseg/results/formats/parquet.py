"""The table of nuclei as Parquet, without outlines."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.areas import COLUMNS as AREA_COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output

if TYPE_CHECKING:
    import pyarrow as pa


@cache
def schema_of(annotated: bool) -> "pa.Schema":
    """Columns of a table of nuclei, and their types; with those of annotated areas where there are some."""
    import pyarrow as pa

    measures = [(name, pa.int64() if name == "id" else pa.float64()) for name in COLUMNS]
    return pa.schema([*measures, *((name, pa.string()) for name in AREA_COLUMNS if annotated)])


@contextmanager
def opened(path: Path, about: Mapping[str, Any] | None = None, annotated: bool = False) -> Iterator[Add]:
    """Open a Parquet file to add batches of nuclei to; it appears when the block ends well.

    `about` becomes the schema's metadata, which `pyarrow.parquet.read_schema` gives without reading the table;
    `annotated` adds the columns of annotated areas.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema_of(annotated)
    schema = columns.with_metadata(as_metadata(about or {}))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def add(batch: NucleiBatch) -> None:
            table = batch.table[columns.names]
            writer.write_table(pa.Table.from_pandas(table, schema=columns, preserve_index=False).cast(schema))

        yield add


def as_metadata(about: Mapping[str, Any]) -> dict[str, str]:
    """Make texts of values, since a schema's metadata hold no others: a list becomes JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}


OUTPUT = Output(
    name="parquet",
    suffix=".parquet",
    help="the table of csv as Parquet, unrounded",
    open=lambda path, result: opened(path, result.info.about(), bool(result.info.annotations)),
    needs=("pyarrow",),
    extra="parquet",
    beside=True,
)
