"""Nuclei of a slide as GeoParquet 1.1: measures and outlines, for millions of rows.

GeoPandas, DuckDB, QGIS and R's sf read it. Geometries are planar and in pixels of level 0, so they have no
coordinate reference system (`crs` null); `mpp` in the file's metadata turns them into um.

Source: GeoParquet specification 1.1.0, Open Geospatial Consortium.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nuseg.io.atomic import atomic_path
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch

EDGES = ("xmin", "ymin", "xmax", "ymax")
# Pixels of level 0 are not those that the nucleus was found on, so its area there need not be whole.
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.int64() if name == "id" else pa.float64(), nullable=False) for name in COLUMNS),
        pa.field("geometry", pa.binary(), nullable=False),
        pa.field("bbox", pa.struct([pa.field(edge, pa.float64(), nullable=False) for edge in EDGES]), nullable=False),
    ]
)


@contextmanager
def opened(path: Path, about: Mapping[str, str]) -> Iterator[Callable[[NucleiBatch], None]]:
    """Open a file to add batches of nuclei to; it appears when the block ends well.

    Parameters
    ----------
    path : Path
        Where to write.
    about : mapping of str to str
        The file's metadata: slide, mpp, model and versions.

    Yields
    ------
    function
        Adds a batch, as a row group of its own.
    """
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:

        def add(batch: NucleiBatch) -> None:
            bounds = bounding_boxes(batch.polygons)
            np.minimum(low, bounds[:, :2].min(axis=0), out=low)
            np.maximum(high, bounds[:, 2:].max(axis=0), out=high)
            writer.write_table(as_table(batch, bounds))

        yield add
        box = [*low.tolist(), *high.tolist()] if np.isfinite(low).all() else None
        writer.add_key_value_metadata({**about, "geo": json.dumps(geo_metadata(box))})


def as_table(batch: NucleiBatch, bounds: np.ndarray) -> pa.Table:
    """Make the rows of a batch: its table, outlines as WKB, and their bounds `(n, 4)`."""
    columns = [pa.array(batch.table[name].to_numpy(), SCHEMA.field(name).type) for name in COLUMNS]
    columns.append(pa.array([well_known_binary(polygon) for polygon in batch.polygons], pa.binary()))
    edges = [pa.array(np.ascontiguousarray(edge)) for edge in bounds.T]
    columns.append(pa.StructArray.from_arrays(edges, fields=list(SCHEMA.field("bbox").type)))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def bounding_boxes(polygons: list[np.ndarray]) -> np.ndarray:
    """Smallest and largest x and y of each polygon: `(n, 4)` float64 in the order of `EDGES`."""
    starts = np.cumsum([0, *map(len, polygons[:-1])])
    points = np.concatenate(polygons)
    return np.hstack([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)])


def well_known_binary(polygon: np.ndarray) -> bytes:
    """Encode a polygon `(k, 2)`, closed here, as little-endian WKB: byte order, type 3, one ring, its points."""
    points = np.asarray(polygon, "<f8")
    return struct.pack("<BIII", 1, 3, 1, len(points) + 1) + points.tobytes() + points[0].tobytes()


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
