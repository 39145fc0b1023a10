"""The table of nuclei as Parquet, without outlines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.formats.csv import SCHEMA
from nuseg.results.output import Add, Output


@contextmanager
def opened(path: Path) -> Iterator[Add]:
    """Open a Parquet file to add batches of nuclei to; it appears when the block ends well."""
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:

        def add(batch: NucleiBatch) -> None:
            writer.write_table(pa.Table.from_pandas(batch.table[list(COLUMNS)], schema=SCHEMA, preserve_index=False))

        yield add


OUTPUT = Output(
    name="parquet",
    suffix=".parquet",
    help="the table of csv as Parquet, unrounded",
    open=lambda path, result: opened(path),
)
