"""Nuclei as GeoParquet 1.1: measures and outlines, for millions of rows.

GeoPandas, DuckDB, QGIS and R's sf read it. Geometries are planar and in pixels of level 0, so they have no
coordinate reference system (`crs` null); `mpp` in the file's metadata turns them into um.

Source: GeoParquet specification 1.1.0, Open Geospatial Consortium.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from nuseg.io.atomic import atomic_path
from nuseg.results.batch import NucleiBatch
from nuseg.results.columns import Columns
from nuseg.results.formats.parquet import as_metadata, schema_of
from nuseg.results.output import Add, Output
from nuseg.types import Floats

if TYPE_CHECKING:
    import pyarrow as pa

EDGES = ("xmin", "ymin", "xmax", "ymax")
SHAPES = ("geometry", "bbox")  # the last columns


@cache
def nuclei_schema(columns: Columns) -> "pa.Schema":
    """The columns of a table of nuclei, then outlines and their bounds."""
    import pyarrow as pa

    edges = pa.struct([pa.field(edge, pa.float64(), nullable=False) for edge in EDGES])
    # Pixels of level 0 are not those that the nucleus was found on, so its area there need not be whole.
    shapes = map(pa.field, SHAPES, (pa.binary(), edges))
    return pa.schema([field.with_nullable(False) for field in (*schema_of(columns), *shapes)])


@contextmanager
def opened(path: Path, columns: Columns, about: Mapping[str, Any]) -> Iterator[Add]:
    """Open a file to add batches of nuclei to; it appears when the block ends well.

    Parameters
    ----------
    path : Path
        Where to write.
    columns : Columns
        That the batches have.
    about : mapping
        The file's metadata: source, mpp, model and notes.

    Yields
    ------
    function
        Adds a batch, as a row group of its own.
    """
    import pyarrow.parquet as pq

    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    schema = nuclei_schema(columns).with_metadata(as_metadata(about))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def add(batch: NucleiBatch) -> None:
            geometries = as_geometries(batch.polygons)
            bounds = shapely.bounds(geometries)
            np.minimum(low, bounds[:, :2].min(axis=0), out=low)
            np.maximum(high, bounds[:, 2:].max(axis=0), out=high)
            writer.write_table(as_table(batch, geometries, bounds, schema))

        yield add
        box = [*low.tolist(), *high.tolist()] if np.isfinite(low).all() else None
        writer.add_key_value_metadata({"geo": json.dumps(geo_metadata(box))})  # bounds are known only now


def as_geometries(polygons: list[Floats]) -> np.ndarray:
    """Make shapely polygons of outlines, `(n,)` of objects; rings are closed here."""
    if not polygons:
        return np.zeros(0, object)
    lengths = np.array([len(polygon) for polygon in polygons])
    rings = shapely.linearrings(np.concatenate(polygons), indices=np.repeat(np.arange(len(polygons)), lengths))
    return np.asarray(shapely.polygons(rings))


def as_table(batch: NucleiBatch, geometries: np.ndarray, bounds: Floats, schema: "pa.Schema") -> "pa.Table":
    """Make the rows of a batch: its table, outlines as WKB, and their bounds `(n, 4)`."""
    import pyarrow as pa

    geometry, bbox = (schema.field(name) for name in SHAPES)
    own = [field for field in schema if field.name not in SHAPES]
    columns = [pa.array(batch.table[field.name].to_numpy(), field.type) for field in own]
    columns.append(pa.array(shapely.to_wkb(geometries, byte_order=1), geometry.type))
    edges = [pa.array(np.ascontiguousarray(edge)) for edge in bounds.T]
    columns.append(pa.StructArray.from_arrays(edges, fields=list(bbox.type)))
    return pa.Table.from_arrays(columns, schema=schema)


def geo_metadata(box: list[float] | None) -> dict[str, object]:
    """Make the content of the key `geo`; `box` bounds all geometries and is None where there are none."""
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"] if box else [],
        "crs": None,
        "edges": "planar",
        # Clockwise on the screen, where y points down, is counterclockwise in the plane of the specification.
        "orientation": "counterclockwise",
        "covering": {"bbox": {edge: ["bbox", edge] for edge in EDGES}},
    }
    if box:
        column["bbox"] = box
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


OUTPUT = Output(
    name="geoparquet",
    suffix=".parquet",
    help="outlines and measures, for GeoPandas, DuckDB, QGIS and R",
    open=lambda path, result: opened(path, result.info.columns, result.info.about()),
    default_for=("slide",),
    needs=("pyarrow",),
    extra="parquet",
    beside=True,
)
