"""LabelMe JSON: one file per image, shapes with a label.

Coordinates are px from the upper left corner of the image, fractions included: the first pixel covers 0 to 1. Shapes
with one `group_id` and one label are pieces of one nucleus. A circle is given by its centre and a point on it; a
rectangle by two corners; a mask by a small picture and its box. A nucleus with holes is written as one outline with
cuts to them. Points, lines and strips are left out, and that is noted."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from PIL import Image

from nuseg.annotations.annotation import Annotation, Canvas, some, stated_shape
from nuseg.annotations.documents import dump_json, json_keys, read_json
from nuseg.annotations.format import BY_NAME, SURE, UNNAMED, AnnotationFormat, Sniff
from nuseg.annotations.grouping import Shape, joined
from nuseg.annotations.polygons import area, ellipse, rectangle, single_ring
from nuseg.annotations.rle import LARGEST_MASK
from nuseg.annotations.tracing import pixel_areas
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.text import plural, shortened

WHAT = "LabelMe annotations in JSON"
_VERSION = "5.4.1"  # of LabelMe, whose files are written
_DECIMALS = 3
_WITHOUT_AREA = ("point", "points", "line", "linestrip")


class LabelMe(AnnotationFormat):
    """Shapes with labels."""

    name = "labelme"
    help = "LabelMe JSON, one file per image"
    suffixes = (".json",)
    kept = "classes, the image's name and size, pieces (as groups), overlaps"
    lost = "ids, colours"
    convention = "px from the upper left corner of the image"
    has_classes = True
    keeps_shape = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the key `shapes`."""
        if not super().claims(path):
            return None
        keys = json_keys(path)
        if keys is None:
            return Sniff(BY_NAME, f"{path.name} ends as JSON")
        if "shapes" in keys and keys & {"imagePath", "imageData", "imageHeight"}:
            return Sniff(SURE, f"{path.name} has LabelMe's shapes")
        return None

    def claims(self, path: Path) -> bool:
        """Say whether a file is one of LabelMe, or a damaged one: others beside it are not of it."""
        return self.sniff(path) is not None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every shape with an area; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no LabelMe file, or damaged.
        """
        content = read_json(path, WHAT)
        if not isinstance(content.get("shapes"), list):
            raise NusegError(f"{path}: expected {WHAT} with a list of shapes, found {shortened(', '.join(content))}")
        shapes, left_out = [], 0
        for one in content["shapes"]:
            drawn = _area(one)
            if drawn is None or drawn.is_empty:
                left_out += 1
            else:
                shapes.append(Shape(drawn, _text(one.get("label")), one.get("group_id")))
        polygons, classes = joined(shapes)
        name = content.get("imagePath")
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            notes=(f"{plural(left_out, 'shape')} without an area: left out",) if left_out else (),
            canvas=Canvas(
                name=str(name).replace("\\", "/").rpartition("/")[2] if name else None,
                shape=stated_shape(content.get("imageHeight"), content.get("imageWidth")),
            ),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one polygon per piece of a nucleus."""
        shapes: list[dict[str, Any]] = []
        for number, (nucleus, name) in enumerate(zip(annotation.areas, annotation.names, strict=True), start=1):
            parts = [part for part in shapely.get_parts(nucleus) if not part.is_empty]
            shapes += [
                {
                    "label": name or UNNAMED,
                    "points": single_ring(part).round(_DECIMALS).tolist(),
                    "group_id": number if len(parts) > 1 else None,
                    "description": "",
                    "shape_type": "polygon",
                    "flags": {},
                }
                for part in parts
            ]
        height, width = annotation.shape or (None, None)
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": annotation.canvas.name or f"{path.stem}.png",
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        with atomic_path(path) as temporary:
            temporary.write_bytes(dump_json(content))


FORMAT = LabelMe()


def _text(label: Any) -> str | None:
    return None if label is None else str(label)


def _area(shape: dict[str, Any]) -> shapely.Geometry | None:
    """Make the area of a shape; None if its kind has none."""
    kind = shape.get("shape_type") or "polygon"
    if kind in _WITHOUT_AREA:
        return None
    points = np.array(shape["points"], np.float64).reshape(-1, 2)
    match kind:
        case "polygon":
            return area([points]) if len(points) > 2 else None
        case "rectangle":
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            return rectangle(left, top, right, bottom)
        case "circle":
            (x, y), edge = points[:2]
            radius = float(np.hypot(*(edge - (x, y))))
            return ellipse(x, y, radius, radius) if radius > 0 else None
        case "mask":
            return _mask(shape["mask"], points)
    raise ValueError(f"a shape of the unknown type {shortened(str(kind))}")


def _mask(text: str, box: np.ndarray) -> shapely.Geometry:
    """Make the area of a mask: a picture in base64, whose first pixel is that at the corner of the box."""
    with Image.open(BytesIO(base64.b64decode(text, validate=True))) as picture:
        if picture.width * picture.height > LARGEST_MASK:
            raise ValueError(f"a mask of {picture.width}x{picture.height} px")
        mask = np.asarray(picture.convert("L")) > 0
    if not mask.any():
        return shapely.Polygon()
    corner = np.floor(box.min(axis=0))
    return shapely.transform(pixel_areas(mask.astype(np.int32))[0], lambda points: points + corner)
