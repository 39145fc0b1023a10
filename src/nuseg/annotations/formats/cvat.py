"""CVAT XML (CVAT for images 1.1): the shapes of many images in one file.

Coordinates are px from the upper left corner of the image, fractions included: the first pixel covers 0 to 1. A mask is
a run-length code, row by row, of the pixels of a box whose left, top, width and height are whole pixels. Boxes and
ellipses are turned by `rotation` degrees clockwise. Shapes with one `group_id` and one label are pieces of one nucleus.
A nucleus with holes is written as one outline with cuts to them. Points, polylines and cuboids are left out, and that
is noted; so are attributes, unless the label is one for all and an attribute `class` tells them apart."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas, Colour, some, stated_shape
from nuseg.annotations.documents import (
    as_hex,
    coordinate,
    hex_colour,
    printable,
    read_xml,
    root_tag,
    unknown_image,
    write_xml,
)
from nuseg.annotations.format import BY_NAME, SURE, UNNAMED, AnnotationFormat, Sniff
from nuseg.annotations.grouping import Shape, joined
from nuseg.annotations.polygons import area, ellipse, rectangle, single_ring
from nuseg.annotations.rle import run_area
from nuseg.errors import NusegError
from nuseg.text import plural, shortened

WHAT = "annotations of CVAT for images 1.1 in XML"
_SHAPES = ("polygon", "ellipse", "box", "mask")
_WITHOUT_AREA = ("polyline", "points", "cuboid", "skeleton", "tag")


class Cvat(AnnotationFormat):
    """One file for many images."""

    name = "cvat"
    help = "CVAT for images 1.1 in XML, many images"
    suffixes = (".xml",)
    kept = "classes, colours of classes, image names and sizes, pieces (as groups), overlaps"
    lost = "ids"
    convention = "px from the upper left corner of the image"
    has_classes = True
    keeps_shape = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the root element `annotations`."""
        if not self.claims(path):
            return None
        tag = root_tag(path)
        if tag == "annotations":
            return Sniff(SURE, f"{path.name} has CVAT's annotations")
        return Sniff(BY_NAME, f"{path.name} ends as XML") if tag is None else None

    def index(self, path: Path) -> list[str]:
        """Name all images, those without nuclei included."""
        return list(_parsed(path).images)

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every shape with an area; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no such XML, or no such image in it.
        """
        parsed = _parsed(path)
        try:
            element = parsed.images[image]
        except KeyError:
            raise unknown_image(path, image, parsed.images) from None
        shapes, left_out = [], 0
        for one in element:
            drawn = _area(one) if one.tag in _SHAPES else None
            if drawn is not None and not drawn.is_empty:
                shapes.append(Shape(drawn, _class(one, parsed), _group(one)))
            elif one.tag in (*_SHAPES, *_WITHOUT_AREA):
                left_out += 1
        polygons, classes = joined(shapes)
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            vocabulary=tuple(name for name in parsed.labels if name != UNNAMED),
            colours={name: colour for name, colour in parsed.labels.items() if colour is not None},
            notes=(f"{plural(left_out, 'shape')} without an area: left out",) if left_out else (),
            canvas=Canvas(name=image, shape=stated_shape(element.get("height"), element.get("width"))),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write a file of one image."""
        self.write_images([annotation], path)

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write many images as one file."""
        root = Element("annotations")
        SubElement(root, "version").text = "1.1"
        labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
        known: dict[str, Colour | None] = {}
        for number, annotation in enumerate(annotations):
            name = annotation.canvas.name or f"{path.stem}.png"
            image = SubElement(root, "image", id=str(number), name=printable(name))
            if annotation.shape is not None:
                image.attrib |= {"width": str(annotation.shape[1]), "height": str(annotation.shape[0])}
            for listed in annotation.all_classes:
                known.setdefault(listed, annotation.colours.get(listed))
            for group, (nucleus, own) in enumerate(zip(annotation.areas, annotation.names, strict=True), start=1):
                known.setdefault(own or UNNAMED, None)
                _write_shapes(image, nucleus, own or UNNAMED, group)
        for name, colour in known.items():
            label = SubElement(labels, "label")
            SubElement(label, "name").text = printable(name)
            if colour is not None:
                SubElement(label, "color").text = as_hex(colour)
            SubElement(label, "attributes")
        write_xml(root, path)


FORMAT = Cvat()


class _Parsed(NamedTuple):
    """A file: elements of images by name, colours of labels by name."""

    images: dict[str, Element]
    labels: dict[str, Colour | None]


def _parsed(path: Path) -> _Parsed:
    try:
        return _parse(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror or error}); check the path") from error


@lru_cache(maxsize=1)
def _parse(path: Path, _changed: int) -> _Parsed:
    root = read_xml(path, WHAT)
    if root.tag != "annotations":
        raise NusegError(f"{path}: expected {WHAT}, found <{shortened(root.tag)}>; export them again")
    if root.find("track") is not None:
        raise NusegError(f"{path}: holds tracks of a video; export the task as 'CVAT for images 1.1'")
    images: dict[str, Element] = {}
    for element in root.findall("image"):
        name = element.get("name") or element.get("id") or ""
        if name in images:
            raise NusegError(f"{path}: names the image {shortened(str(name))} twice; give every image its own name")
        images[name] = element
    labels = {
        label.findtext("name") or "": hex_colour(label.findtext("color")) for label in root.iterfind("meta//label")
    }
    return _Parsed(images, {name: colour for name, colour in labels.items() if name})


def _group(shape: Element) -> str | None:
    """Give the group of a shape; 0 is none."""
    return None if shape.get("group_id", "0") == "0" else shape.get("group_id")


def _class(shape: Element, parsed: _Parsed) -> str | None:
    """Give the label; where the file has one label for all, the attribute `class` if there is one."""
    if len(parsed.labels) < 2:
        for attribute in shape.findall("attribute"):
            if attribute.get("name") == "class" and attribute.text:
                return attribute.text
    return shape.get("label")


def _area(shape: Element) -> shapely.Geometry | None:
    """Make the area of a shape."""

    def number(name: str) -> float:
        value = shape.get(name)
        if value is None:
            raise ValueError(f"<{shape.tag}> without {name}")
        return float(value)

    turn = float(shape.get("rotation") or 0)
    match shape.tag:
        case "polygon":
            pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair]
            points = np.array(pairs, np.float64).reshape(-1, 2)
            return area([points]) if len(points) > 2 else None
        case "ellipse":
            return ellipse(number("cx"), number("cy"), number("rx"), number("ry"), turn)
        case "box":
            return rectangle(number("xtl"), number("ytl"), number("xbr"), number("ybr"), turn)
    runs = [int(run) for run in (shape.get("rle") or "").split(",")]
    mask = run_area(runs, (int(number("height")), int(number("width"))), by_column=False)
    corner = np.array([int(number("left")), int(number("top"))])
    return shapely.transform(mask, lambda points: points + corner)


def _write_shapes(image: Element, nucleus: shapely.Geometry, label: str, group: int) -> None:
    """Write one polygon per piece of a nucleus."""
    parts = [part for part in shapely.get_parts(nucleus) if not part.is_empty]
    for part in parts:
        points = ";".join(f"{coordinate(x)},{coordinate(y)}" for x, y in single_ring(part).tolist())
        polygon = SubElement(
            image, "polygon", label=printable(label), source="manual", occluded="0", points=points, z_order="0"
        )
        if len(parts) > 1:
            polygon.set("group_id", str(group))
