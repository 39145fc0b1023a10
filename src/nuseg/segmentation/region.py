"""A region of a slide: a rectangle, or areas that somebody drew."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import shapely

from nuseg.annotations.polygons import Ring, area, contains, rings_of
from nuseg.annotations.registry import format_of
from nuseg.errors import NusegError

FAR = 1_000_000  # px; corners beyond are drawn there, since OpenCV counts no further


@dataclass(frozen=True)
class Region:
    """A union of polygons; `polygons` holds for each its outer ring and its holes, in px of level 0."""

    polygons: tuple[tuple[Ring, ...], ...]

    @cached_property
    def area(self) -> shapely.Geometry:
        """All polygons as one area."""
        return shapely.union_all([area(rings) for rings in self.polygons])

    def corners(self) -> list[list[list[list[float]]]]:
        """Give all corners as plain lists: what tells one region from another."""
        return [[ring.tolist() for ring in rings] for rings in self.polygons]

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say which points lie inside, `(n,)` bool; of regions that touch, exactly one holds a point on the border."""
        return contains(self.area, x, y)

    def draw(self, shape: tuple[int, int], factor: float) -> np.ndarray:
        """Draw the region on a grid of `shape` whose pixels are `factor` px of level 0 a side: `(h, w)` bool.

        Pixels that the border runs through are part of it.
        """
        drawn = np.zeros(shape, bool)
        for rings in self.polygons:
            canvas = np.zeros(shape, np.uint8)
            corners = [np.floor(ring / factor).clip(-FAR, FAR).astype(np.int32) for ring in rings]
            cv2.fillPoly(canvas, corners, 1)
            cv2.polylines(canvas, corners, True, 1)
            drawn |= canvas > 0
        return drawn


def read_region(given: str) -> Region:
    """Read a region: ``x,y,width,height`` in px of level 0, or a file of polygons, such as GeoJSON from QuPath.

    A file may have any annotation format that gives polygons. All of them count, whatever their class.

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
                raise NusegError(f"region='{given}': expected a width and height above 0")
            return Region(((np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]),),))
    path = Path(given).expanduser()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise NusegError(f"region='{given}': expected x,y,width,height or a file of polygons, found {found}")
    return Region(tuple(rings for polygon in _polygons(path) for rings in rings_of(polygon)))


def _polygons(path: Path) -> tuple[shapely.Geometry, ...]:
    kind = format_of(path)
    images = kind.images(path) or [path.stem]
    if len(images) > 1:
        raise NusegError(f"{path}: expected the polygons of one image, found {len(images)}; export those of the slide")
    polygons = kind.load(path, images[0]).polygons
    if not polygons:
        raise NusegError(
            f"{path}: expected polygons, found none ({kind.name}); export area annotations from QuPath as GeoJSON"
        )
    return polygons
