"""GeoParquet: one row per nucleus, of one image or of many.

Coordinates are px of level 0 from the upper left corner of the image; a pixel covers 0 to 1. The class is the column
`class`, `classification`, `type` or `label`, the first that there is; the id is `id`, the image `image`. nuseg's own
results are such files, and so are tables that GeoPandas writes. Sizes of images are kept under `nuseg` in the file's
metadata, which others ignore."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas, some, stated_shape
from nuseg.annotations.documents import load_text_mapping
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import MAX_PX, areas_only
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import in_short, plural, shortened

_MAGIC = b"PAR1"
_CLASS_COLUMNS = ("class", "classification", "type", "label")
_OWN = b"nuseg"
_MOST_ROWS = 50_000_000


class GeoParquet(AnnotationFormat):
    """A table with a column of areas."""

    name = "geoparquet"
    help = "GeoParquet, as nuseg, GeoPandas and QGIS write it, of one image or many"
    suffixes = (".parquet", ".geoparquet")
    kept = "classes, ids, image names and sizes, holes, pieces, overlaps"
    lost = "colours"
    convention = "px of level 0 from the upper left corner of the image"
    has_classes = True
    needs = ("pyarrow", "nuseg[parquet]")

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the word `geo` in the metadata at the end; by its name alone where pyarrow is not installed."""
        if not self.claims(path):
            return None
        with path.open("rb") as file:
            known = file.read(len(_MAGIC)) == _MAGIC
        if not known or not self.installed:
            return Sniff(BY_NAME, f"{path.name} ends as Parquet")
        return Sniff(SURE, f"{path.name} is GeoParquet") if b"geo" in _metadata(path) else None

    def index(self, path: Path) -> list[str] | None:
        """Name the images; None where there is no column of them."""
        import pyarrow.parquet as pq

        schema = pq.read_schema(path)
        if "image" not in schema.names:
            return None
        sizes = load_text_mapping(_metadata(path).get(_OWN, b"{}").decode(errors="replace")).get("images") or {}
        named = pq.read_table(path, columns=["image"])["image"].to_pylist()
        return list(dict.fromkeys([*sizes, *(str(name) for name in named if name is not None)]))

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every row with an area as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, damaged, or without a column of geometries.
        """
        table = _table(path)
        rows = np.arange(len(table["geometry"]))
        if table["image"] is not None:
            rows = np.flatnonzero(np.array([str(name) == image for name in table["image"]], bool))
        areas = [_area(geometry) for geometry in table["geometry"][rows]]
        kept = [place for place, one in enumerate(areas) if one is not None]
        number = [int(rows[place]) for place in kept]
        left_out = len(areas) - len(kept)
        size = table["sizes"].get(image) or (table["sizes"].get("") if table["image"] is None else None)
        return Annotation(
            polygons=tuple(areas[place] for place in kept),
            classes=some(table["class"][row] for row in number) if table["class"] is not None else None,
            ids=some(table["id"][row] for row in number) if table["id"] is not None else None,
            vocabulary=table["vocabulary"],
            notes=(f"{plural(left_out, 'row')} without an area: left out",) if left_out else (),
            canvas=Canvas(
                name=image if table["image"] is not None else None,
                shape=stated_shape(size[0], size[1]) if size else None,
                mpp=table["mpp"],
            ),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write the nuclei of one image, without a column `image`."""
        _write([annotation], path, named=False)

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write the nuclei of many images as one table."""
        _write(annotations, path, named=True)


FORMAT = GeoParquet()


def _metadata(path: Path) -> dict[bytes, bytes]:
    """Read the metadata of a file, empty where there are none."""
    import pyarrow.parquet as pq

    # Not the schema's: that has no keys which were added when all rows were written.
    held: dict[bytes, bytes] | None = pq.read_metadata(path).metadata
    return held or {}


def _table(path: Path) -> dict[str, Any]:
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror or in_short(error)}); check the path") from error


@lru_cache(maxsize=1)
def _parse(path: Path, _changed: int) -> dict[str, Any]:
    import pyarrow.parquet as pq

    rows = pq.read_metadata(path).num_rows
    if rows > _MOST_ROWS:
        raise NusegError(f"{path}: has {rows:,} rows, expected at most {_MOST_ROWS:,}; split the file")
    about = load_text_mapping(_metadata(path).get(b"geo", b"{}").decode(errors="replace"))
    own = load_text_mapping(_metadata(path).get(_OWN, b"{}").decode(errors="replace"))
    columns = pq.read_schema(path).names
    geometry = str(about.get("primary_column") or "geometry")
    if geometry not in columns:
        raise NusegError(
            f"{path}: expected a column {shortened(geometry)} of outlines, found {shortened(', '.join(columns))}"
        )
    named = next((name for name in _CLASS_COLUMNS if name in columns), None)
    wanted = [name for name in (geometry, named, "id", "image") if name in columns]
    table = pq.read_table(path, columns=wanted)

    def texts(name: str | None) -> list[str | None] | None:
        if name not in wanted:
            return None
        return [None if value is None else str(value) for value in table[name].to_pylist()]

    mpp = _metadata(path).get(b"mpp", b"").decode(errors="replace")
    return {
        "geometry": shapely.from_wkb(np.array(table[geometry].to_pylist(), object)),
        "class": texts(named),
        "id": texts("id"),
        "image": texts("image"),
        "sizes": own.get("images") or {},
        "vocabulary": tuple(str(name) for name in own.get("classes") or ()),
        "mpp": float(mpp) if mpp.replace(".", "", 1).isdecimal() else None,
    }


def _area(geometry: shapely.Geometry | None) -> shapely.Geometry | None:
    """Give a valid area of a geometry; None if it has none.

    Raises
    ------
    ValueError
        A coordinate is not finite or too large.
    """
    if geometry is None or geometry.is_empty:
        return None
    corners = shapely.get_coordinates(geometry)
    if not (np.abs(corners) <= MAX_PX).all():
        raise ValueError("a coordinate that is not finite or too large")
    found = areas_only(geometry if geometry.is_valid else shapely.make_valid(geometry))
    return None if found.is_empty else found


def _write(annotations: Iterable[Annotation], path: Path, named: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    areas: list[shapely.Geometry] = []
    columns: dict[str, list[str | None]] = {"image": [], "id": [], "class": []}
    sizes: dict[str, list[int] | None] = {}
    classes: dict[str, None] = {}
    for annotation in annotations:
        name = (annotation.canvas.name or path.stem) if named else ""
        sizes[name] = list(annotation.shape) if annotation.shape is not None else None
        areas += annotation.areas
        columns["image"] += [name] * len(annotation.areas)
        columns["id"] += annotation.identifiers
        columns["class"] += annotation.names
        classes |= dict.fromkeys(annotation.all_classes)
    if not named:
        del columns["image"]
    kinds = sorted({area.geom_type for area in areas})
    about: dict[str, Any] = {"encoding": "WKB", "geometry_types": kinds, "crs": None, "edges": "planar"}
    if areas:
        about["bbox"] = shapely.total_bounds(areas).tolist()
    metadata = {
        "geo": json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": about}}),
        "nuseg": json.dumps({"images": sizes, "classes": list(classes)}),
    }
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    arrays["geometry"] = pa.array(shapely.to_wkb(np.array(areas, object), byte_order=1).tolist(), pa.binary())
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), temporary, compression="zstd")
