"""A region of a slide: a rectangle, or annotations that were drawn in QuPath."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nuseg.errors import NusegError

Ring = np.ndarray  # (k, 2) float64, x and y


@dataclass(frozen=True)
class Region:
    """A union of polygons; `polygons` holds for each its outer ring and its holes, in px of level 0."""

    polygons: tuple[tuple[Ring, ...], ...]

    def corners(self) -> list[list[list[list[float]]]]:
        """Give all corners as plain lists: what tells one region from another."""
        return [[ring.tolist() for ring in rings] for rings in self.polygons]

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say which points lie inside, `(n,)` bool: where a ray to the right crosses a polygon's rings an odd times."""
        inside = np.zeros(len(x), bool)
        for rings in self.polygons:
            odd = np.zeros(len(x), bool)
            for ring in rings:
                for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                    between = (y0 <= y) != (y1 <= y)
                    odd[between] ^= x[between] < x0 + (y[between] - y0) / (y1 - y0) * (x1 - x0)
            inside |= odd
        return inside

    def draw(self, shape: tuple[int, int], factor: float) -> np.ndarray:
        """Draw the region on a grid of `shape` whose pixels are `factor` px of level 0 a side: `(h, w)` bool.

        Pixels that the border runs through are part of it.
        """
        drawn = np.zeros(shape, bool)
        for rings in self.polygons:
            canvas = np.zeros(shape, np.uint8)
            corners = [np.floor(ring / factor).astype(np.int32) for ring in rings]
            cv2.fillPoly(canvas, corners, 1)
            cv2.polylines(canvas, corners, True, 1)
            drawn |= canvas > 0
        return drawn


def read_region(given: str) -> Region:
    """Read a region: ``x,y,width,height`` in px of level 0, or a GeoJSON file of annotations from QuPath.

    Of a file, all polygons count, whatever their class.

    Raises
    ------
    NusegError
        It is neither, or holds no area.
    """
    numbers = given.split(",")
    if len(numbers) == 4:
        try:
            x, y, width, height = map(float, numbers)
        except ValueError:
            pass
        else:
            if not (width > 0 and height > 0 and np.isfinite([x, y, width, height]).all()):
                raise NusegError(f"--region {given}: expected a width and height above 0")
            return Region(((np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]),),))
    path = Path(given).expanduser()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NusegError(f"--region {given}: expected x,y,width,height or a GeoJSON file ({error.strerror})") from error
    except ValueError as error:
        raise NusegError(f"{path}: expected GeoJSON, as QuPath exports annotations, found another file") from error
    try:
        polygons = tuple(_polygons(content))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NusegError(f"{path}: damaged GeoJSON ({error}); export the annotations again") from error
    if not polygons:
        raise NusegError(f"{path}: expected polygons, found none; export area annotations from QuPath as GeoJSON")
    return Region(polygons)


def _polygons(content: Any) -> list[tuple[Ring, ...]]:
    """Collect the polygons of any GeoJSON object, or list of them."""
    if isinstance(content, list):
        return [polygon for part in content for polygon in _polygons(part)]
    match content["type"]:
        case "FeatureCollection":
            return _polygons(content["features"])
        case "Feature":
            return _polygons(content["geometry"])
        case "GeometryCollection":
            return _polygons(content["geometries"])
        case "Polygon":
            return [_rings(content["coordinates"])]
        case "MultiPolygon":
            return [_rings(coordinates) for coordinates in content["coordinates"]]
    return []


def _rings(coordinates: list[Any]) -> tuple[Ring, ...]:
    rings = tuple(np.array([point[:2] for point in ring], np.float64) for ring in coordinates)
    if any(ring.ndim != 2 or len(ring) < 3 or not np.isfinite(ring).all() for ring in rings):
        raise ValueError("a ring of fewer than three points")
    return rings
