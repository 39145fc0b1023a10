"""Rows of CSV against those of an independent writer."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.csv import CSVWriter, WriteOptions

from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.formats.csv import DECIMALS, ROWS, as_rows, opened

SCHEMA = pa.schema([(name, pa.int64() if name == "id" else pa.float64()) for name in COLUMNS])
NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([0.0, -0.0, 1.0, 10.0, 0.00005, 1e16, 123456789.0, float("nan")])


def table_of(values: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=list(COLUMNS))
    table["id"] = np.arange(1, len(table) + 1)
    return table


def arrow_rows(table: pd.DataFrame) -> bytes:
    """What Arrow writes of the same table."""
    file = io.BytesIO()
    with CSVWriter(file, SCHEMA, write_options=WriteOptions(include_header=False)) as writer:
        writer.write_table(pa.Table.from_pandas(table.round(DECIMALS), schema=SCHEMA, preserve_index=False))
    return file.getvalue()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1, max_size=4))
def test_rows_are_those_of_arrow_to_the_byte(rows: list[list[float]]) -> None:
    table = table_of(np.array(rows))
    assert as_rows(table, list(COLUMNS)) == arrow_rows(table)


@pytest.mark.parametrize("count", [0, 1, ROWS, ROWS + 3])
def test_batches_of_any_size_are_written_whole(count: int, tmp_path: Path) -> None:
    table = table_of(np.random.default_rng(0).random((count, len(COLUMNS))))
    with opened(tmp_path / "a.csv", Columns()) as add:
        for _ in range(2):
            add(NucleiBatch(table, [np.zeros((3, 2))] * count))
    header, _, rows = (tmp_path / "a.csv").read_bytes().partition(b"\n")
    assert header.decode().split(",") == list(COLUMNS)
    assert rows == 2 * arrow_rows(table)
