"""GeoJSON, as QuPath exports annotations and detections: one polygon or several per nucleus, with a class.

Coordinates are px of the full image from its upper left corner, as everywhere in nuseg. An object's class is the
`name` of its `classification`. Objects without an area (points, lines, no geometry) are left out, and that is noted."""

import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.geojson_objects import areas, objects
from nuseg.annotations.json_file import GZIP, UTF8_MARK, read_json
from nuseg.annotations.labels import renumber
from nuseg.annotations.polygons import rings_of
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.measure.outline import outlines
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
        polygons, classes, left_out = [], [], 0
        try:
            for geometry, name in objects(content):
                nucleus = areas(geometry)
                if nucleus is None or nucleus.is_empty:
                    left_out += 1
                else:
                    polygons.append(nucleus)
                    classes.append(name)
        except (ValueError, shapely.errors.GEOSException) as error:
            where = f"object {len(polygons) + left_out + 1}: " if polygons or left_out else ""
            raise NusegError(f"{path}: damaged GeoJSON ({where}{error}); export the annotations again") from error
        notes = (f"{plural(left_out, 'object')} without an area: left out",) if left_out else ()
        known = tuple(classes) if any(name is not None for name in classes) else None
        return Annotation(polygons=tuple(polygons), classes=known, notes=notes)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one annotation object per nucleus; of a label image, the outlines without holes.

        A nucleus of a label image that is in several pieces gets the outline of one of them.
        """
        nuclei = annotation.polygons
        if annotation.labels is not None:
            nuclei = tuple(shapely.Polygon(ring) for ring in outlines(renumber(annotation.labels)))
        assert nuclei is not None
        classes = annotation.classes or (None,) * len(nuclei)
        features = [_feature(nucleus, name) for nucleus, name in zip(nuclei, classes, strict=True)]
        content = orjson.dumps({"type": "FeatureCollection", "features": features})
        with atomic_path(path) as temporary:
            temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


FORMAT = GeoJson()


def _feature(nucleus: shapely.Geometry, name: str | None) -> dict[str, Any]:
    polygons = [
        [np.vstack([ring, ring[:1]]).round(_DECIMALS).tolist() for ring in rings] for rings in rings_of(nucleus)
    ]
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    if len(polygons) == 1:
        geometry = {"type": "Polygon", "coordinates": polygons[0]}
    properties: dict[str, Any] = {"objectType": "annotation"}
    if name is not None:
        properties["classification"] = {"name": name}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
