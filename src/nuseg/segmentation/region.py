"""A region of a slide: a rectangle, or areas that somebody drew."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.polygons import MAX_PX, Ring, area, contains, rings_of, united
from nuseg.annotations.registry import format_of
from nuseg.errors import NusegError
from nuseg.io.paths import user_path
from nuseg.model.store import sha256
from nuseg.results.areas import AnnotatedArea, named_areas
from nuseg.text import plural

FAR = 1_000_000  # px; corners beyond are drawn there, since OpenCV counts no further


@dataclass(frozen=True)
class Region:
    """A union of polygons.

    Attributes
    ----------
    polygons : tuple of tuple of (k, 2) float64
        For each its outer ring and its holes, in px of level 0.
    given : str
        What it was read from, for the record: "x,y,width,height" or the name of a file.
    file_sha256 : str
        Of that file.
    notes : tuple of str
        What the user should know of how it was read, with the file's name.
    annotations : tuple of AnnotatedArea
        The areas in which nuclei are also counted one by one: those of a file, with their names and classes.
    """

    polygons: tuple[tuple[Ring, ...], ...]
    given: str = ""
    file_sha256: str = ""
    notes: tuple[str, ...] = ()
    annotations: tuple[AnnotatedArea, ...] = ()

    @property
    def name(self) -> str:
        """What it was read from, else how many polygons it has."""
        return self.given or plural(len(self.polygons), "polygon")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file that it was read from, else of its corners."""
        return self.file_sha256 or hashlib.sha256(json.dumps(self.corners()).encode()).hexdigest()

    @cached_property
    def area(self) -> shapely.Geometry:
        """All polygons as one area."""
        return united([area(rings) for rings in self.polygons])

    def corners(self) -> list[list[list[list[float]]]]:
        """Give all corners as plain lists: what tells one region from another."""
        return [[ring.tolist() for ring in rings] for rings in self.polygons]

    def labels(self) -> list[list[str]]:
        """Give name and class of every annotation: what tables say of a region beside its corners."""
        return [[area.name, area.class_name] for area in self.annotations]

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say which points lie inside, `(n,)` bool; of regions that touch, exactly one holds a point on the border."""
        return contains(self.area, x, y)

    def draw(self, shape: tuple[int, int], factor: float) -> np.ndarray:
        """Draw the region on a grid of `shape` whose pixels are `factor` px of level 0 a side: `(h, w)` bool.

        Pixels that the border runs through are part of it.
        """
        drawn = np.zeros(shape, np.uint8)
        for rings in self.polygons:
            corners = [np.floor(ring / factor).clip(-FAR, FAR).astype(np.int32) for ring in rings]
            low = np.clip(corners[0].min(axis=0), 0, (shape[1], shape[0]))
            high = np.clip(corners[0].max(axis=0) + 1, 0, (shape[1], shape[0]))
            if (low >= high).any():
                continue
            canvas = np.zeros((high - low)[::-1], np.uint8)
            corners = [np.asarray(ring - low, np.int32) for ring in corners]
            cv2.fillPoly(canvas, corners, 1)
            cv2.polylines(canvas, corners, True, 1)
            drawn[low[1] : high[1], low[0] : high[0]] |= canvas
        return drawn > 0


def read_region(given: str) -> Region:
    """Read a region: ``x,y,width,height`` in px of level 0, or a file of polygons, such as GeoJSON from QuPath.

    A file may have any annotation format that gives polygons. All of them count, whatever their class, and each is
    counted by itself too, under its name: two of one name are numbered.

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
            if max(map(abs, (x, y, x + width, y + height))) > MAX_PX:
                raise NusegError(f"region='{given}': expected px of the image, found places beyond {MAX_PX:,} px")
            return Region(((np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]),),), given)
    path = user_path(given)
    found = _found(path)
    if found != "a file":
        raise NusegError(f"region='{given[:200]}': expected x,y,width,height or a file of polygons, found {found}")
    drawn = _read(path)
    notes = tuple(f"{path}: {note}" for note in drawn.notes)
    rings = tuple(rings for polygon in drawn.polygons or () for rings in rings_of(polygon))
    annotations = named_areas(drawn.polygons or (), drawn.titles, drawn.classes)
    return Region(rings, path.name, sha256(path), notes, annotations)


def _found(path: Path) -> str:
    """Say what lies at a path, which may be any text that somebody typed."""
    try:
        if path.is_file():
            return "a file"
        return "a folder" if path.is_dir() else "no such file"
    except (OSError, ValueError) as error:  # a name that is too long, or holds what no name holds
        return getattr(error, "strerror", None) or str(error)


def _read(path: Path) -> Annotation:
    kind = format_of(path)
    images = kind.images(path) or [path.stem]
    if len(images) > 1:
        raise NusegError(f"{path}: expected the polygons of one image, found {len(images)}; export those of the slide")
    drawn = kind.load(path, images[0])
    if not drawn.polygons:
        raise NusegError(
            f"{path}: expected polygons, found none ({kind.name}); export area annotations from QuPath as GeoJSON"
        )
    return drawn
