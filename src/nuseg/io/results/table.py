"""The table of nuclei as CSV or Parquet."""

from pathlib import Path

import pandas as pd

from nuseg.io.atomic import atomic_path


def write(nuclei: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all: Parquet if the name ends in `.parquet`, else CSV (4 decimals)."""
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".parquet":
            nuclei.to_parquet(temporary, index=False)
        else:
            nuclei.round(4).to_csv(temporary, index=False)
