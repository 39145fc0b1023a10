"""Results of three small images with two kinds of nuclei, in every output."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from marked import segmented, write_marks
from nuseg.classification import learn

OUTPUTS = ("csv", "geojson", "geojson-gz", "geoparquet", "parquet", "summary", "overlay", "labels", "anndata", "zarr")


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `images`, `results` and `marked`; it is not to be changed."""
    folder = tmp_path_factory.mktemp("case")
    segmented(folder, OUTPUTS)
    write_marks(folder / "marked")
    return folder


@pytest.fixture(autouse=True, scope="session")
def few_trees() -> Iterator[None]:
    """What grows in a tenth of the time tells as well what these tests ask."""
    with mock.patch.object(learn, "TREES", 10):
        yield
