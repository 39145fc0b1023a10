"""GeoParquet, read back by pyarrow and shapely and held against the specification."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from nuseg.annotations.registry import format_of
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.formats import geoparquet
from slide_results import as_batch, cut, label_field

ABOUT = {"source": "a.svs", "mpp": "0.5"}
BATCH = as_batch(label_field(100, 150))


def write(path: Path, batches: list[NucleiBatch]) -> None:
    with geoparquet.opened(path, Columns(), ABOUT) as add:
        for batch in batches:
            add(batch)


@pytest.fixture
def file(tmp_path: Path) -> pq.ParquetFile:
    write(tmp_path / "n.parquet", list(cut(BATCH, 10))[:2])
    return pq.ParquetFile(tmp_path / "n.parquet")


def test_table_comes_back(file: pq.ParquetFile) -> None:
    read = file.read().to_pandas()
    pd.testing.assert_frame_equal(read[list(COLUMNS)], BATCH.table.astype({"area_px": float}))
    assert file.num_row_groups == 2


def test_outlines_come_back(file: pq.ParquetFile) -> None:
    shapes = shapely.from_wkb(file.read(["geometry"]).column(0).to_pylist())
    assert shapely.is_valid(shapes).all()
    for shape, polygon in zip(shapes, BATCH.polygons, strict=True):
        assert np.array_equal(shapely.get_coordinates(shape)[:-1], polygon)
    # Binary as shapely itself writes it.
    own = shapely.to_wkb(shapes, byte_order=1).tolist()
    assert file.read(["geometry"]).column(0).to_pylist() == own


def test_metadata_is_geoparquet_1_1(file: pq.ParquetFile) -> None:
    """The fields that the specification requires or names, with the values that it allows."""
    geo = json.loads(file.metadata.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    assert set(geo["columns"]) == {"geometry"}
    column = geo["columns"]["geometry"]
    assert set(column) == {"encoding", "geometry_types", "crs", "edges", "orientation", "bbox", "covering"}
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["crs"] is None
    assert column["edges"] == "planar"
    assert column["covering"] == {"bbox": {edge: ["bbox", edge] for edge in ("xmin", "ymin", "xmax", "ymax")}}
    table = file.read()
    shapes = shapely.from_wkb(table["geometry"].to_pylist())
    assert column["bbox"] == shapely.total_bounds(shapes).tolist()
    assert column["orientation"] == "counterclockwise"
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    assert table.schema.field("geometry").type == pa.binary()  # at the root, BYTE_ARRAY, not repeated


def test_covering_bounds_each_nucleus(file: pq.ParquetFile) -> None:
    table = file.read(["geometry", "bbox"])
    bounds = pd.DataFrame(table["bbox"].to_pylist())[["xmin", "ymin", "xmax", "ymax"]]
    assert np.array_equal(bounds, shapely.bounds(shapely.from_wkb(table["geometry"].to_pylist())))


def test_file_says_what_it_belongs_to(file: pq.ParquetFile) -> None:
    metadata = file.metadata.metadata
    assert metadata[b"source"] == b"a.svs"
    assert float(metadata[b"mpp"]) == 0.5


def test_no_nuclei(tmp_path: Path) -> None:
    write(tmp_path / "n.parquet", [])
    file = pq.ParquetFile(tmp_path / "n.parquet")
    assert file.metadata.num_rows == 0
    assert file.schema_arrow.names == [*COLUMNS, "geometry", "bbox"]
    column = json.loads(file.metadata.metadata[b"geo"])["columns"]["geometry"]
    assert column["geometry_types"] == []
    assert "bbox" not in column


def test_same_nuclei_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, list(cut(BATCH, 10))[:2])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_it_is_recognised_as_annotations(tmp_path: Path) -> None:
    write(tmp_path / "n.parquet", [BATCH])
    kind = format_of(tmp_path / "n.parquet")
    read = kind.load(tmp_path / "n.parquet", "n")
    assert (kind.name, read.canvas.mpp) == ("geoparquet", 0.5)
    assert shapely.equals(read.polygons, geoparquet.as_geometries(BATCH.polygons)).all()
