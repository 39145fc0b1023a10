"""COCO JSON: the nuclei of many images in one file, as polygons or run-length encoded masks.

Coordinates are px from the upper left corner of the image: the first pixel covers 0 to 1. (Files made of OpenCV's
contours count from the middle of the first pixel, and their nuclei are half a pixel smaller all around.) A class is the
name of the category; crowds (`iscrowd`) are regions in which nuclei are not drawn one by one, and not nuclei. Several
polygons of an object are its pieces; a nucleus with holes is written as a mask where that is the same, else with a cut
to the hole. Objects with a box alone are left out, and that is noted."""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas, some, stated_shape
from nuseg.annotations.documents import dump_json, json_keys, read_json, unknown_image
from nuseg.annotations.format import BY_NAME, SURE, UNNAMED, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, rings_of, single_ring
from nuseg.annotations.rle import area_runs, decode_text, encode_text, run_area
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import in_short, plural, shortened

WHAT = "COCO annotations in JSON"
_DECIMALS = 3
_OWN_ID = "object_id"  # of objects whose id is no number, such as QuPath's; COCO allows further keys
_LARGEST_NUMBER = 1 << 53


class Coco(AnnotationFormat):
    """One file for many images."""

    name = "coco"
    help = "COCO JSON, polygons or run-length encoded masks of many images"
    suffixes = (".json",)
    kept = "classes, ids, image names and sizes, pieces, overlaps, crowds"
    lost = "colours"
    convention = "px from the upper left corner of the image"
    has_classes = True
    keeps_shape = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the keys `images` and `annotations`."""
        if not self.claims(path):
            return None
        keys = json_keys(path)
        if keys is None:
            return Sniff(BY_NAME, f"{path.name} ends as JSON")
        if keys >= {"images", "annotations"} or keys >= {"annotations", "categories"}:
            return Sniff(SURE, f"{path.name} has COCO's images and annotations")
        return None

    def index(self, path: Path) -> list[str]:
        """Name all images, those without nuclei included."""
        return list(_parsed(path).images)

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every object with an area as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no COCO file, no such image in it, or damaged.
        """
        parsed = _parsed(path)
        try:
            record = parsed.images[image]
        except KeyError:
            raise unknown_image(path, image, parsed.images) from None
        stated = _size(record) or shape
        polygons, classes, ids, vague, left_out = [], [], [], [], 0
        for one in parsed.objects[record["id"]]:
            geometry = _geometry(one, stated, path)
            if geometry is None or geometry.is_empty:
                left_out += 1
            elif one.get("iscrowd"):
                vague.append(geometry)
            else:
                polygons.append(geometry)
                classes.append(parsed.category(one.get("category_id")))
                identifier = one.get(_OWN_ID, one.get("id"))
                ids.append(None if identifier is None else str(identifier))
        notes = [f"{plural(left_out, 'object')} without an outline: left out"] if left_out else []
        if vague:
            notes.append(f"{plural(len(vague), 'crowd region')}, in which nuclei are not drawn one by one")
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            ids=some(ids),
            vocabulary=tuple(name for name in parsed.categories.values() if name != UNNAMED),
            vague=tuple(vague),
            notes=tuple(notes),
            canvas=Canvas(name=image, shape=_size(record)),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write a file of one image."""
        self.write_images([annotation], path)

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write many images as one file."""
        images: list[dict[str, Any]] = []
        objects: list[dict[str, Any]] = []
        categories: dict[str, int] = {}
        numbers = _Numbers()
        for number, annotation in enumerate(annotations, start=1):
            shape = annotation.shape
            image = {"id": number, "file_name": annotation.canvas.name or f"{path.stem}.png"}
            images.append(image if shape is None else image | {"width": shape[1], "height": shape[0]})
            for known in annotation.all_classes:
                categories.setdefault(known, len(categories) + 1)
            for geometry, own, identifier in zip(
                annotation.areas, annotation.names, annotation.identifiers, strict=True
            ):
                category = categories.setdefault(own or UNNAMED, len(categories) + 1)
                given = numbers.give(identifier)
                record = _record(geometry, shape)
                if identifier is not None and identifier != str(given):
                    record[_OWN_ID] = identifier
                objects.append({"id": given, "image_id": number, "category_id": category, **record})
            for region in annotation.vague:
                category = categories.setdefault(UNNAMED, len(categories) + 1)
                record = (_record if shape is None else _masked)(region, shape) | {"iscrowd": 1}
                objects.append({"id": numbers.give(), "image_id": number, "category_id": category, **record})
        listed = [{"id": number, "name": name} for name, number in categories.items()]
        with atomic_path(path) as temporary:
            temporary.write_bytes(dump_json({"images": images, "annotations": objects, "categories": listed}))


FORMAT = Coco()


class _Parsed(NamedTuple):
    """A file: images by name, objects by the id of their image, names of categories by id."""

    images: dict[str, dict[str, Any]]
    objects: dict[Any, list[dict[str, Any]]]
    categories: dict[Any, str]

    def category(self, number: Any) -> str | None:
        """Name a category; one that the file does not list is called by its number."""
        if number is None:
            return None
        name = self.categories.get(number, str(number))
        return None if name == UNNAMED else name


def _parsed(path: Path) -> _Parsed:
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror or error}); check the path") from error


@lru_cache(maxsize=1)
def _parse(path: Path, _changed: int) -> _Parsed:
    content = read_json(path, WHAT)
    if not isinstance(content.get("images"), list) or not isinstance(content.get("annotations"), list):
        raise NusegError(
            f"{path}: expected {WHAT} with the lists images and annotations, found {shortened(', '.join(content))}"
        )
    images: dict[str, dict[str, Any]] = {}
    for image in content["images"]:
        name = str(image.get("file_name") or image["id"])
        if name in images:
            raise NusegError(
                f"{path}: names the image {shortened(str(name))} twice; give every image its own file_name"
            )
        images[name] = image
    objects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for one in content["annotations"]:
        objects[one["image_id"]].append(one)
    strangers = set(objects) - {image["id"] for image in images.values()}
    if strangers:
        raise NusegError(
            f"{path}: annotates the image {shortened(min(map(str, strangers)))}, which images does not list"
        )
    return _Parsed(images, objects, {one["id"]: str(one["name"]) for one in content.get("categories") or []})


def _size(record: dict[str, Any]) -> tuple[int, int] | None:
    """Give height and width that the file states; None where it does not."""
    return stated_shape(record.get("height"), record.get("width"))


def _geometry(one: dict[str, Any], shape: tuple[int, int] | None, path: Path) -> shapely.Geometry | None:
    """Make the area of an object; None if it has a box alone."""
    outline = one.get("segmentation")
    if not outline:
        return None
    if isinstance(outline, dict):
        counts, size = outline["counts"], tuple(int(side) for side in outline["size"])
        if len(size) != 2 or (shape is not None and size != shape):
            raise NusegError(f"{path}: a mask of size {in_short(size)} in an image of {shape} (height, width)")
        return run_area(decode_text(counts) if isinstance(counts, str) else counts, (size[0], size[1]))
    rings = [np.array(ring, np.float64).reshape(-1, 2) for ring in outline]
    pieces = [area([ring]) for ring in rings if len(ring) > 2]
    if not pieces:
        return None
    return pieces[0] if len(pieces) == 1 else shapely.union_all(pieces)


def _record(geometry: shapely.Geometry, shape: tuple[int, int] | None) -> dict[str, Any]:
    """Make outline, area and box of a nucleus: rings; or a mask where there are holes and it is the same."""
    pieces = rings_of(geometry)
    if shape is not None and any(len(rings) > 1 for rings in pieces):
        masked = _masked(geometry, shape)
        if masked["area"] == geometry.area and _on_pixels(geometry):
            return masked
    rings = [single_ring(part) for part in shapely.get_parts(geometry) if not part.is_empty]
    outline = [ring.round(_DECIMALS).ravel().tolist() for ring in rings]
    return {"segmentation": outline, "area": round(geometry.area, _DECIMALS), "bbox": _box(geometry), "iscrowd": 0}


def _masked(geometry: shapely.Geometry, shape: tuple[int, int] | None) -> dict[str, Any]:
    """Make mask, area and box of a nucleus or region in an image of known size."""
    assert shape is not None
    runs = area_runs(geometry, shape)
    outline = {"size": list(shape), "counts": encode_text(runs)}
    return {"segmentation": outline, "area": sum(runs[1::2]), "bbox": _box(geometry), "iscrowd": 0}


def _on_pixels(geometry: shapely.Geometry) -> bool:
    """Whether all borders run along the edges of pixels."""
    corners = shapely.get_coordinates(geometry)
    return bool((corners == corners.round()).all())


def _box(geometry: shapely.Geometry) -> list[float]:
    left, top, right, bottom = geometry.bounds
    return [round(value, _DECIMALS) for value in (left, top, right - left, bottom - top)]


class _Numbers:
    """Numbers of objects: their own again where it is free, else the next that is."""

    def __init__(self) -> None:
        self._used: set[int] = set()
        self._next = 1

    def give(self, identifier: str | None = None) -> int:
        """Give the number of an object whose id is `identifier`."""
        number = int(identifier) if identifier is not None and identifier.isdecimal() else 0
        if not 0 < number < _LARGEST_NUMBER or number in self._used:
            while self._next in self._used:
                self._next += 1
            number = self._next
        self._used.add(number)
        return number
