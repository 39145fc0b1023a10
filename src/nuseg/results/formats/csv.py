"""The table of nuclei as CSV."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow.csv import CSVWriter, WriteOptions

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.areas import COLUMNS as AREA_COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output

DECIMALS = 4
SCHEMA = pa.schema([(name, pa.int64() if name == "id" else pa.float64()) for name in COLUMNS])


def schema_of(annotated: bool) -> pa.Schema:
    """Columns of a table of nuclei, and their types; with those of annotated areas where there are some."""
    return pa.schema([*SCHEMA, *((name, pa.string()) for name in AREA_COLUMNS if annotated)])


@contextmanager
def opened(path: Path, annotated: bool = False) -> Iterator[Add]:
    """Open a CSV (4 decimals) to add batches of nuclei to; it appears when the block ends well.

    `annotated` adds the columns that say which annotated area holds a nucleus.
    """
    schema = schema_of(annotated)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write((",".join(schema.names) + "\n").encode())
        with CSVWriter(file, schema, write_options=WriteOptions(include_header=False)) as writer:

            def add(batch: NucleiBatch) -> None:
                rounded = batch.table[schema.names].round(DECIMALS)
                writer.write_table(pa.Table.from_pandas(rounded, schema=schema, preserve_index=False))

            yield add


OUTPUT = Output(
    name="csv",
    suffix=".csv",
    help="one row per nucleus: place, size, shape, stain, probability",
    open=lambda path, result: opened(path, bool(result.info.annotations)),
    default_for=("image", "slide"),
)
