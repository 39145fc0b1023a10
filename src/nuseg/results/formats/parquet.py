"""The table of nuclei as Parquet, without outlines."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuseg.io.atomic import atomic_path
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.output import Add, Output

if TYPE_CHECKING:
    import pyarrow as pa


@cache
def schema_of(columns: Columns) -> "pa.Schema":
    """Columns of a table of nuclei, and their types."""
    import pyarrow as pa

    kinds = {"id": pa.int64(), **dict.fromkeys(columns.texts, pa.string())}
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in columns.names])


@contextmanager
def opened(path: Path, columns: Columns, about: Mapping[str, Any]) -> Iterator[Add]:
    """Open a Parquet file to add batches of nuclei to; it appears when the block ends well.

    `about` becomes the schema's metadata, which `pyarrow.parquet.read_schema` gives without reading the table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = schema_of(columns)
    schema = plain.with_metadata(as_metadata(about))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def add(batch: NucleiBatch) -> None:
            table = batch.table[columns.names]
            writer.write_table(pa.Table.from_pandas(table, schema=plain, preserve_index=False).cast(schema))

        yield add


def as_metadata(about: Mapping[str, Any]) -> dict[str, str]:
    """Make texts of values, since a schema's metadata hold no others: a list becomes JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}


OUTPUT = Output(
    name="parquet",
    suffix=".parquet",
    help="the table of csv as Parquet, unrounded",
    open=lambda path, result: opened(path, result.info.columns, result.info.about()),
    needs=("pyarrow",),
    extra="parquet",
    beside=True,
)
