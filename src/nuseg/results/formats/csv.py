"""The table of nuclei as CSV."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow.csv import CSVWriter, WriteOptions

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output

DECIMALS = 4
SCHEMA = pa.schema([(name, pa.int64() if name == "id" else pa.float64()) for name in COLUMNS])


@contextmanager
def opened(path: Path) -> Iterator[Add]:
    """Open a CSV (4 decimals) to add batches of nuclei to; it appears when the block ends well."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        with CSVWriter(file, SCHEMA, write_options=WriteOptions(include_header=False)) as writer:

            def add(batch: NucleiBatch) -> None:
                rounded = batch.table[list(COLUMNS)].round(DECIMALS)
                writer.write_table(pa.Table.from_pandas(rounded, schema=SCHEMA, preserve_index=False))

            yield add


OUTPUT = Output(
    name="csv",
    suffix=".csv",
    help="one row per nucleus: place, size, shape, stain, probability",
    open=lambda path, result: opened(path),
    default_for=("image", "slide"),
)
