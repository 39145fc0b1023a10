"""The objects of GeoJSON content: areas and classes, each value checked."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import shapely

from nuseg.annotations.annotation import Colour
from nuseg.annotations.polygons import MAX_POINTS, MAX_PX, area, united

MAX_DEPTH = 8  # of lists and collections in each other; a file of QuPath has three
LONGEST_NAME = 200  # characters of a class
AREAS = ("Polygon", "MultiPolygon", "GeometryCollection")
DETECTIONS = ("detection", "cell", "tile")
OTHERS = ("Point", "MultiPoint", "LineString", "MultiLineString")


class Drawn(NamedTuple):
    """An object: its geometry, of a cell that of its nucleus; its class, the colour of that, its id.

    `detection` says that a program found it, as QuPath's detections and cells; `title` is what somebody called it.
    """

    geometry: Any
    name: str | None = None
    colour: Colour | None = None
    own_id: str | None = None
    detection: bool = False
    title: str | None = None


def objects(content: Any, depth: int = 0) -> Iterator[Drawn]:
    """Give every object in a GeoJSON object, or a list of them.

    Raises
    ------
    ValueError
        Something else than GeoJSON, or nested deeper than anybody nests it.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(content, list):
        for part in content:
            yield from objects(part, depth + 1)
    elif _type(content, "an object") == "FeatureCollection":
        yield from objects(_value(content, "features", list), depth + 1)
    elif content["type"] == "Feature":
        if "geometry" not in content:
            raise ValueError("a Feature lacks 'geometry'")
        geometry = content.get("nucleusGeometry") or content["geometry"]
        found = content.get("properties")
        name, kind = _class(found), (found or {}).get("objectType")
        colour = _colour((found or {}).get("classification"))
        yield Drawn(geometry, name, colour, _id(content.get("id")), kind in DETECTIONS, _title(found or {}))
    else:
        yield Drawn(content)


def areas(geometry: Any, depth: int = 0) -> shapely.Geometry | None:
    """Make one area of a geometry; None if it has none.

    Raises
    ------
    ValueError
        No geometry, or one that cannot be drawn.
    """
    if geometry is None:
        return None
    if depth > MAX_DEPTH:
        raise ValueError(f"geometries nested more than {MAX_DEPTH} deep")
    kind = _type(geometry, "a geometry")
    if kind in OTHERS:
        return None
    if kind not in AREAS:
        raise ValueError(f"a geometry of the type {shown(kind)}")
    if kind == "GeometryCollection":
        inner = [areas(part, depth + 1) for part in _value(geometry, "geometries", list)]
        parts = [part for part in inner if part is not None]
        return united(parts) if parts else None
    coordinates = _value(geometry, "coordinates", list)
    if kind == "Polygon":
        return _polygon(coordinates)
    return united([_polygon(each) for each in coordinates]) if coordinates else None


def places(geometry: Any) -> np.ndarray:
    """Give the points of a geometry, (n, 2) float64; none of any other than a Point or MultiPoint.

    Raises
    ------
    ValueError
        They cannot be drawn.
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Point", "MultiPoint"):
        return np.empty((0, 2))
    coordinates = _value(geometry, "coordinates", list)
    found = _ring([coordinates] if kind == "Point" else coordinates)
    if not np.isfinite(found).all() or np.abs(found).max(initial=0) > MAX_PX:
        raise ValueError("a point that lies where no image reaches")
    return found


def shown(value: Any) -> str:
    """Show a value in a message, shortened."""
    text = " ".join(repr(value).split()) if isinstance(value, str | int | float | bool | None) else _name(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _name(value: Any) -> str:
    return "a list" if isinstance(value, list) else "an object"


def _type(content: Any, what: str) -> str:
    if not isinstance(content, dict):
        raise ValueError(f"{shown(content)} in place of {what}")
    kind = content.get("type")
    if not isinstance(kind, str):
        raise ValueError(f"{what} of the type {shown(kind)}")
    return kind


def _value(content: dict[str, Any], key: str, kind: type) -> Any:
    if key not in content:
        raise ValueError(f"a {shown(content['type'])} lacks {key!r}")
    value = content[key]
    if not isinstance(value, kind):
        raise ValueError(f"{key!r} is {shown(value)}")
    return value


def _class(properties: Any) -> str | None:
    """Name a class as QuPath does, whose newer versions write a list of names for a derived class."""
    if properties is None:
        return None
    if not isinstance(properties, dict):
        raise ValueError(f"'properties' is {shown(properties)}")
    found = properties.get("classification")
    name = found
    if isinstance(found, dict):
        name = found.get("name")
        names = found.get("names")
        if name is None and isinstance(names, list) and all(isinstance(part, str) for part in names):
            name = ": ".join(names) or None
    if name is None:
        return None
    if not isinstance(name, str | int | float) or len(str(name)) > LONGEST_NAME:
        raise ValueError(f"a class named {shown(name)}")
    return " ".join(str(name).split())


def _colour(classification: Any) -> Colour | None:
    """Give red, green and blue of a class, which older versions of QuPath keep in one number; None without."""
    if not isinstance(classification, dict):
        return None
    packed, colour = classification.get("colorRGB"), classification.get("color")
    if isinstance(packed, int):
        colour = [packed >> 16 & 255, packed >> 8 & 255, packed & 255]
    if not isinstance(colour, list) or len(colour) != 3 or not all(isinstance(v, int) and 0 <= v < 256 for v in colour):
        return None
    return colour[0], colour[1], colour[2]


def _title(properties: dict[str, Any]) -> str | None:
    """Give the name that somebody gave to an object; None where it has none."""
    title = properties.get("name")
    return " ".join(title[:LONGEST_NAME].split()) or None if isinstance(title, str) else None


def _id(value: Any) -> str | None:
    """Give an id as text; None where it is no plain value."""
    return str(value)[:LONGEST_NAME] if isinstance(value, str | int) else None


def _polygon(rings: Any) -> shapely.Geometry:
    if not isinstance(rings, list) or not rings:
        raise ValueError("a polygon without rings")
    return area([_ring(ring) for ring in rings])


def _ring(points: Any) -> np.ndarray:
    if not isinstance(points, list):
        raise ValueError(f"a ring that is {shown(points)}")
    if len(points) > MAX_POINTS:
        raise ValueError(f"a ring of {len(points):,} points, more than {MAX_POINTS:,}: simplify it")
    if not all(isinstance(point, list) and len(point) >= 2 for point in points):
        raise ValueError("a ring that is no list of points [x, y]")
    pairs = [point[:2] for point in points]
    if not set(map(type, chain.from_iterable(pairs))) <= {int, float}:
        raise ValueError("a coordinate that is no number")
    return np.array(pairs, np.float64).reshape(-1, 2)
