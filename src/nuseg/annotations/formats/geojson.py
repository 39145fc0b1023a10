"""GeoJSON, as QuPath exports annotations and detections: one polygon or several per nucleus, with a class.

Coordinates are px of the full image from its upper left corner, as everywhere in nuseg. An object's class is the
`name` of its `classification`; of a cell with a `nucleusGeometry` that is the nucleus. Objects without an area (points,
lines, no geometry) are left out, and that is noted. Outlines of a label image run along the edges of its pixels."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from nuseg.annotations.annotation import Annotation, Colour, some
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, rings_of
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import plural

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
            if head.startswith(b"\x1f\x8b"):
                with gzip.open(path) as file:
                    head = file.read(_HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            head = b""
        if head.lstrip()[:1] in (b"{", b"[") and _OBJECT.search(head):
            return Sniff(SURE, f"{path.name} holds GeoJSON objects")
        return Sniff(BY_NAME, f"{path.name} ends as GeoJSON") if self.claims(path) else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every object with an area as one nucleus.

        Raises
        ------
        NusegError
            Not there, no GeoJSON, or damaged.
        """
        content = _parse(path)
        polygons, classes, ids, colours, left_out = [], [], [], dict[str, Colour](), 0
        try:
            for feature in _objects(content):
                nucleus = _areas(feature.get("nucleusGeometry") or feature["geometry"])
                if nucleus is None or nucleus.is_empty:
                    left_out += 1
                    continue
                name, colour = _class(feature.get("properties") or {})
                polygons.append(nucleus)
                classes.append(name)
                ids.append(None if feature.get("id") is None else str(feature["id"]))
                if name is not None and colour is not None:
                    colours[name] = colour
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise NusegError(f"{path}: damaged GeoJSON ({error}); export the annotations again") from error
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


def _parse(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        return orjson.loads(gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise NusegError(f"{path}: cannot be opened ({reason}); check the path and its permissions") from error
    except ValueError as error:
        raise NusegError(f"{path}: expected GeoJSON, as QuPath exports annotations, found another file") from error


def _objects(content: Any) -> Iterator[dict[str, Any]]:
    """Give every object in a GeoJSON object, or a list of them, as a feature."""
    if isinstance(content, list):
        for part in content:
            yield from _objects(part)
    elif content["type"] == "FeatureCollection":
        yield from _objects(content["features"])
    elif content["type"] == "Feature":
        yield content
    else:
        yield {"geometry": content}


def _class(properties: dict[str, Any]) -> tuple[str | None, Colour | None]:
    """Name a class as QuPath does, whose newer versions write a list of names for a derived class, and its colour."""
    found = properties.get("classification")
    if not isinstance(found, dict):
        return None if found is None else str(found), None
    name = found.get("name")
    text = str(name) if name is not None else ": ".join(map(str, found.get("names") or [])) or None
    return text, _colour(found)


def _colour(classification: dict[str, Any]) -> Colour | None:
    """Give red, green and blue, which older versions of QuPath keep in one number."""
    packed, colour = classification.get("colorRGB"), classification.get("color")
    if isinstance(packed, int):
        colour = [packed >> 16 & 255, packed >> 8 & 255, packed & 255]
    if not isinstance(colour, list) or len(colour) != 3 or not all(isinstance(v, int) and 0 <= v < 256 for v in colour):
        return None
    return colour[0], colour[1], colour[2]


def _areas(geometry: Any) -> shapely.Geometry | None:
    """Make one area of a geometry; None if it has none."""
    if geometry is None:
        return None
    match geometry["type"]:
        case "Polygon":
            return _polygon(geometry["coordinates"])
        case "MultiPolygon":
            return shapely.union_all([_polygon(coordinates) for coordinates in geometry["coordinates"]])
        case "GeometryCollection":
            parts = [part for inner in geometry["geometries"] if (part := _areas(inner)) is not None]
            return shapely.union_all(parts) if parts else None
    return None


def _polygon(coordinates: list[Any]) -> shapely.Geometry:
    return area([np.array([point[:2] for point in ring], np.float64) for ring in coordinates])


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
