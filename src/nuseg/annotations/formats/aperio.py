"""Aperio ImageScope XML: layers of regions, in px of level 0 from the upper left corner of the slide.

Coordinates count from the corner of the first pixel, as ImageScope draws them: a vertex at 0, 0 lies on the corner of
the slide. (Challenge data drawn with MATLAB's `poly2mask` from such files are shifted against them by half a pixel or
more.) The class of a region is its own `Text`, else the name of its layer, else the layer's attribute `Description`,
else the `Value` of a region's attribute of that name. Of a layer without these the name of an attribute that has no
value is the class, as in MoNuSAC. Regions with `NegativeROA="1"` are holes in the regions of their
layer that they lie in. Ellipses and rectangles are given by two or more corners of their box. Rulers and arrows are
left out, and that is noted."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas, Colour, some
from nuseg.annotations.documents import coordinate, printable, read_xml, root_tag, write_xml
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, areas_only, ellipse, rectangle, rings_of, single_ring
from nuseg.text import plural

WHAT = "Aperio ImageScope annotations in XML"
_OPEN = ("3", "4")  # Type of a region: ruler and arrow have no area. (A layer of type 4 is something else.)
_RECTANGLE, _ELLIPSE = "1", "2"
_EQUAL = 1e-6
_WRITTEN_COLOUR = (0, 255, 0)


class Aperio(AnnotationFormat):
    """Regions in layers."""

    name = "aperio"
    help = "regions of Aperio ImageScope in XML"
    suffixes = (".xml",)
    kept = "classes (region text, else layer), colours, ids, holes (negative regions)"
    lost = "regions without an area"
    convention = "px of level 0 from the upper left corner of the slide"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the root element `Annotations`."""
        if not self.claims(path):
            return None
        tag = root_tag(path)
        if tag == "Annotations":
            return Sniff(SURE, f"{path.name} has Aperio's Annotations")
        return Sniff(BY_NAME, f"{path.name} ends as XML") if tag is None else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every region with an area as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, or no such XML.
        """
        root = read_xml(path, WHAT)
        layers = [_Layer.of(layer) for layer in root.iter("Annotation")]
        regions = [(layer, *region) for layer in layers for region in layer.regions]
        left_out = sum(layer.left_out for layer in layers)
        return Annotation(
            polygons=tuple(geometry for _, geometry, _, _ in regions),
            classes=some(name or None for _, _, name, _ in regions),
            ids=some(identifier or None for *_, identifier in regions),
            colours={layer.name: layer.colour for layer in layers if layer.name and layer.colour is not None},
            notes=(f"{plural(left_out, 'region')} without an area: left out",) if left_out else (),
            canvas=Canvas(mpp=_number(root.get("MicronsPerPixel")) or None),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one layer per class; holes become negative regions."""
        root = Element("Annotations")
        if annotation.canvas.mpp is not None:
            root.set("MicronsPerPixel", f"{annotation.canvas.mpp:.6f}")
        numbers = (str(number) for number in range(1, len(annotation.areas) + 1))
        ids = [printable(own) if own else number for own, number in zip(annotation.identifiers, numbers, strict=True)]
        nuclei = list(zip(annotation.areas, annotation.names, ids, strict=True))
        for number, name in enumerate(dict.fromkeys(name for _, name, _ in nuclei), start=1):
            red, green, blue = annotation.colours.get(name or "", _WRITTEN_COLOUR)
            colour = str(red | green << 8 | blue << 16)
            layer = SubElement(
                root, "Annotation", Id=str(number), Name=printable(name or ""), Type="4", LineColor=colour
            )
            regions = SubElement(layer, "Regions")
            for geometry, own, identifier in nuclei:
                if own == name:
                    _write_region(regions, geometry, identifier)
        write_xml(root, path)


FORMAT = Aperio()


@dataclass
class _Layer:
    """A layer: its regions as area, class and id; holes cut out."""

    name: str
    colour: Colour | None
    regions: list[tuple[shapely.Geometry, str, str]] = field(default_factory=list)
    left_out: int = 0

    @classmethod
    def of(cls, element: Element) -> "_Layer":
        attributes = element.findall("Attributes/Attribute")
        given = (element.get("Name") or "").strip() or _described(attributes) or _flag(attributes)
        layer = cls(given, _colour(element.get("LineColor")))
        holes: list[tuple[shapely.Geometry, str]] = []
        for region in element.iter("Region"):
            geometry = _region_area(region)
            if geometry is None or geometry.is_empty:
                layer.left_out += 1
            elif region.get("NegativeROA", "0") == "1":
                holes.append((geometry, region.get("InputRegionId") or ""))
            else:
                own = (region.get("Text") or "").strip() or _described(region.findall("Attributes/Attribute"))
                layer.regions.append((geometry, own or layer.name, region.get("Id") or ""))
        layer.regions = _cut(layer.regions, holes)
        return layer


def _cut(
    regions: list[tuple[shapely.Geometry, str, str]], holes: list[tuple[shapely.Geometry, str]]
) -> list[tuple[shapely.Geometry, str, str]]:
    """Cut holes out of the regions whose ids they give, else out of the smallest that they lie in.

    A region that just fills a hole is not cut.
    """
    whole = [geometry for geometry, _, _ in regions]
    areas, tree = list(whole), shapely.STRtree(whole)
    for hole, owner in holes:
        around = tree.query(hole, predicate="covered_by").tolist() or tree.query(hole, "overlaps").tolist()
        larger = [index for index in around if whole[index].area > hole.area * (1 + _EQUAL)]
        if larger:
            cut = min(larger, key=lambda index: (regions[index][2] != owner, whole[index].area))
            areas[cut] = areas_only(areas[cut].difference(hole))
    return [(geometry, name, own) for geometry, (_, name, own) in zip(areas, regions, strict=True)]


def _region_area(region: Element) -> shapely.Geometry | None:
    """Make the area of a region; None if its kind has none."""
    kind = region.get("Type", "0")
    points = np.array([[_number(v.get("X")), _number(v.get("Y"))] for v in region.iter("Vertex")], np.float64)
    if kind in _OPEN or len(points) < 2 or (len(points) < 3 and kind not in (_RECTANGLE, _ELLIPSE)):
        return None
    if kind == _ELLIPSE and len(points) <= 4:
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return ellipse((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2)
    if kind == _RECTANGLE and len(points) == 2:
        return rectangle(*points[0], *points[1])
    return area([points])


def _described(attributes: list[Element]) -> str:
    """Give the value of the attribute `Description`, empty if there is none."""
    values = [attribute.get("Value") or "" for attribute in attributes if attribute.get("Name") == "Description"]
    return values[0].strip() if values else ""


def _flag(attributes: list[Element]) -> str:
    """Give the name of the first attribute without a value, other than `Description`; empty if there is none."""
    names = [(one.get("Name") or "").strip() for one in attributes if not (one.get("Value") or "").strip()]
    return next((name for name in names if name not in ("", "Description")), "")


def _colour(text: str | None) -> Colour | None:
    """Take apart a colour whose lowest byte is red."""
    try:
        value = int(text or "")
    except ValueError:
        return None
    return value & 255, value >> 8 & 255, value >> 16 & 255


def _number(text: str | None) -> float:
    """Read a number; those of some regions have a comma for a point."""
    return float((text or "0").replace(",", "."))


def _write_region(regions: Element, geometry: shapely.Geometry, identifier: str) -> None:
    """Write the outline, and then the holes with the id of their nucleus; several pieces as one ring with cuts."""
    pieces = rings_of(geometry)
    outline, *holes = pieces[0] if len(pieces) == 1 else [single_ring(geometry)]
    for negative, ring in [("0", outline), *(("1", hole) for hole in holes)]:
        own = identifier if negative == "0" else f"{identifier}-hole"
        region = SubElement(regions, "Region", Id=own, Type="0", Zoom="1", NegativeROA=negative)
        if negative == "1":
            region.set("InputRegionId", identifier)
        vertices = SubElement(region, "Vertices")
        for x, y in ring.tolist():
            SubElement(vertices, "Vertex", X=coordinate(x), Y=coordinate(y))
