"""The table of nuclei as CSV or Parquet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch

DECIMALS = 4  # of CSV


def write(nuclei: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all: Parquet if the name ends in `.parquet`, else CSV (4 decimals)."""
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".parquet":
            nuclei.to_parquet(temporary, index=False)
        else:
            nuclei.round(DECIMALS).to_csv(temporary, index=False)


@contextmanager
def opened_csv(path: Path) -> Iterator[Callable[[NucleiBatch], None]]:
    """Open a CSV to add batches of nuclei to; it appears when the block ends well."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=list(COLUMNS)).to_csv(file, index=False)

        def add(batch: NucleiBatch) -> None:
            batch.table.round(DECIMALS).to_csv(file, index=False, header=False, columns=list(COLUMNS))

        yield add
