"""GeoJSON, as QuPath exports annotations and detections: one polygon or several per nucleus, with a class.

Coordinates are px of the full image from its upper left corner, as everywhere in nuseg. An object's class is the
`name` of its `classification`; of a cell with a `nucleusGeometry` that is the nucleus. Where no object has an area,
points are nuclei, one each; else objects without an area (points, lines, no geometry) are left out, and that is noted.
Outlines of a label image run along the edges of its pixels."""

import gzip
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from nuseg.annotations.annotation import Annotation, Colour, some
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.geojson_objects import Drawn, areas, objects, places
from nuseg.annotations.json_file import GZIP, UTF8_MARK, read_json
from nuseg.annotations.polygons import rings_of
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import plural

EXPECTED = "GeoJSON, as QuPath exports annotations"
_HEAD_BYTES = 4096
_OBJECT = re.compile(
    rb'"type"\s*:\s*"(FeatureCollection|Feature|GeometryCollection|Polygon|MultiPolygon|Point|MultiPoint)"'
)
_DECIMALS = 3  # of written coordinates: a thousandth of a pixel


class GeoJson(AnnotationFormat):
    """Polygons with classes."""

    name = "geojson"
    help = "polygons as QuPath exports them, one object per nucleus"
    suffixes = (".geojson", ".geojson.gz")
    kept = "classes, colours of classes, ids, holes, pieces, overlaps"
    lost = "measurements, names of objects, the image's name and size"
    convention = "px of level 0 from the upper left corner of the image"
    has_classes = True
    has_points = True

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
        """Read every object with an area as one nucleus; where there are none, every point.

        Raises
        ------
        NusegError
            Not there, no GeoJSON, or damaged.
        """
        content = read_json(path, EXPECTED)
        found: list[tuple[Drawn, shapely.Geometry]] = []
        others: list[tuple[Drawn, np.ndarray]] = []
        try:
            for drawn in objects(content):
                nucleus = areas(drawn.geometry)
                if nucleus is None or nucleus.is_empty:
                    others.append((drawn, places(drawn.geometry)))
                else:
                    found.append((drawn, nucleus))
        except (ValueError, shapely.errors.GEOSException) as error:
            before = len(found) + len(others)
            where = f"object {before + 1}: " if before else ""
            raise NusegError(f"{path}: damaged GeoJSON ({where}{error}); export the annotations again") from error
        if not found and any(len(points) for _, points in others):
            return _of_points(others)
        notes = (f"{plural(len(others), 'object')} without an area: left out",) if others else ()
        told = any(drawn.detection for drawn, _ in found)
        return Annotation(
            polygons=tuple(nucleus for _, nucleus in found),
            classes=some(drawn.name for drawn, _ in found),
            ids=some(drawn.own_id for drawn, _ in found),
            colours=_colours(drawn for drawn, _ in found),
            detections=tuple(drawn.detection for drawn, _ in found) if told else None,
            titles=some(None if drawn.detection else drawn.title for drawn, _ in found),
            notes=notes,
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one annotation object per nucleus, of a label image along the edges of its pixels."""
        geometries = map(_outline, annotation.areas) if annotation.points is None else map(_point, annotation.points)
        features = [
            _feature(geometry, name, annotation.colours.get(name or ""), own)
            for geometry, name, own in zip(geometries, annotation.names, annotation.identifiers, strict=True)
        ]
        content = orjson.dumps({"type": "FeatureCollection", "features": features})
        with atomic_path(path) as temporary:
            temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


FORMAT = GeoJson()


def _of_points(drawn: Sequence[tuple[Drawn, np.ndarray]]) -> Annotation:
    """Make a nucleus of every point; objects without any are left out."""
    owners = [one for one, points in drawn for _ in points]
    without = sum(not len(points) for _, points in drawn)
    return Annotation(
        points=np.concatenate([points for _, points in drawn]),
        classes=some(one.name for one in owners),
        ids=some(one.own_id if len(points) == 1 else None for one, points in drawn for _ in points),
        colours=_colours(owners),
        notes=(f"{plural(without, 'object')} without a point: left out",) if without else (),
    )


def _colours(drawn: Iterable[Drawn]) -> dict[str, Colour]:
    return {one.name: one.colour for one in drawn if one.name is not None and one.colour is not None}


def _outline(nucleus: shapely.Geometry) -> dict[str, Any]:
    polygons = [
        [np.vstack([ring, ring[:1]]).round(_DECIMALS).tolist() for ring in rings] for rings in rings_of(nucleus)
    ]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _point(place: np.ndarray) -> dict[str, Any]:
    return {"type": "Point", "coordinates": place.round(_DECIMALS).tolist()}


def _feature(geometry: dict[str, Any], name: str | None, colour: Colour | None, own: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": "annotation"}
    if name is not None:
        properties["classification"] = {"name": name} | ({"color": colour} if colour is not None else {})
    identity = {"id": own} if own is not None else {}
    return {"type": "Feature", **identity, "geometry": geometry, "properties": properties}
