"""GeoJSON, as QuPath exports annotations and detections: one polygon or several per nucleus, with a class.

Coordinates are px of the full image from its upper left corner, as everywhere in nuseg. An object's class is the
`name` of its `classification`; of a cell with a `nucleusGeometry` that is the nucleus. Objects without an area (points,
lines, no geometry) are left out, and that is noted. Outlines of a label image run along the edges of its pixels."""

import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from nuseg.annotations.annotation import Annotation, Colour, some
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.geojson_objects import areas, objects
from nuseg.annotations.json_file import GZIP, UTF8_MARK, read_json
from nuseg.annotations.polygons import rings_of
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import plural

EXPECTED = "GeoJSON, as QuPath exports annotations"
_HEAD_BYTES = 4096
_OBJECT = re.compile(rb'"type"\s*:\s*"(FeatureCollection|Feature|GeometryCollection|Polygon|MultiPolygon)"')
_DECIMALS = 3  # of written coordinates: a thousandth of a pixel


class GeoJson(AnnotationFormat):
    """Polygons with classes."""

    name = "geojson"
    help = "polygons as QuPath exports them, one object per nucleus"
    suffixes = (".geojson", ".geojson.gz")
    kept = "classes, colours of classes, ids, holes, pieces, overlaps"
    lost = "measurements, the image's name and size"
    convention = "px of level 0 from the upper left corner of the image"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the type of a GeoJSON object near the beginning, whatever the file's name."""
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
            if head.startswith(GZIP):
                with gzip.open(path) as file:
                    head = file.read(_HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            head = b""
        if head.removeprefix(UTF8_MARK).lstrip()[:1] in (b"{", b"[") and _OBJECT.search(head):
            return Sniff(SURE, f"{path.name} holds GeoJSON objects")
        return Sniff(BY_NAME, f"{path.name} ends as GeoJSON") if self.claims(path) else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every object with an area as one nucleus.

        Raises
        ------
        NusegError
            Not there, no GeoJSON, or damaged.
        """
        content = read_json(path, EXPECTED)
        polygons, classes, ids, colours, left_out = [], [], [], dict[str, Colour](), 0
        try:
            for drawn in objects(content):
                nucleus = areas(drawn.geometry)
                if nucleus is None or nucleus.is_empty:
                    left_out += 1
                    continue
                polygons.append(nucleus)
                classes.append(drawn.name)
                ids.append(drawn.own_id)
                if drawn.name is not None and drawn.colour is not None:
                    colours[drawn.name] = drawn.colour
        except (ValueError, shapely.errors.GEOSException) as error:
            where = f"object {len(polygons) + left_out + 1}: " if polygons or left_out else ""
            raise NusegError(f"{path}: damaged GeoJSON ({where}{error}); export the annotations again") from error
        notes = (f"{plural(left_out, 'object')} without an area: left out",) if left_out else ()
        return Annotation(polygons=tuple(polygons), classes=some(classes), ids=some(ids), colours=colours, notes=notes)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one annotation object per nucleus, of a label image along the edges of its pixels."""
        features = [
            _feature(nucleus, name, annotation.colours.get(name or ""), own)
            for nucleus, name, own in zip(annotation.areas, annotation.names, annotation.identifiers, strict=True)
        ]
        content = orjson.dumps({"type": "FeatureCollection", "features": features})
        with atomic_path(path) as temporary:
            temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


FORMAT = GeoJson()


def _feature(nucleus: shapely.Geometry, name: str | None, colour: Colour | None, own: str | None) -> dict[str, Any]:
    polygons = [
        [np.vstack([ring, ring[:1]]).round(_DECIMALS).tolist() for ring in rings] for rings in rings_of(nucleus)
    ]
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    if len(polygons) == 1:
        geometry = {"type": "Polygon", "coordinates": polygons[0]}
    properties: dict[str, Any] = {"objectType": "annotation"}
    if name is not None:
        properties["classification"] = {"name": name} | ({"color": colour} if colour is not None else {})
    identity = {"id": own} if own is not None else {}
    return {"type": "Feature", **identity, "geometry": geometry, "properties": properties}
