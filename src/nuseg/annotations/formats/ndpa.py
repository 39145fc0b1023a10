"""NDP.view NDPA: what was drawn on a Hamamatsu slide, in nanometres from the centre of the slide.

The slide is needed to bring them to pixels: its size, its resolution and where its image lies on the glass. It is the
image that was given, else the file beside the annotations (`a.ndpi` beside `a.ndpi.ndpa`). Of another image, such as a
copy as TIFF, size and resolution are taken, and its middle for the slide's centre; that is noted. The corner of the
first pixel is where the image begins, so a pixel covers 0 to 1. The class is the title. Closed freehand outlines,
rectangles and circles are read; rulers, pins and open lines are left out, and that is noted. A nucleus with holes or of
several pieces is written as one outline with cuts."""

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas, Colour, some
from nuseg.annotations.documents import as_hex, hex_colour, printable, read_xml, write_xml
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, ellipse, single_ring
from nuseg.errors import NusegError
from nuseg.io.slide_frame import SlideFrame, slide_frame
from nuseg.text import in_short, plural

WHAT = "NDP.view annotations in XML"
_WRITTEN_COLOUR = (0, 255, 0)
_ASSUMED = "the middle of the image is taken for the centre of the slide, since the slide itself is not at hand"


class Ndpa(AnnotationFormat):
    """Outlines on a slide of Hamamatsu."""

    name = "ndpa"
    help = "NDP.view annotations of a Hamamatsu slide"
    suffixes = (".ndpa",)
    kept = "classes (titles), colours, ids, overlaps"
    lost = "outlines are rounded to whole nanometres"
    convention = "nanometres from the centre of the slide; read and written with the slide's size and offset"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the ending of the name, which nothing else has."""
        return Sniff(SURE, f"{path.name} ends as NDP.view's annotations") if self.claims(path) else None

    def file_name(self, stem: str, suffix: str) -> str:
        """Name it as NDP.view looks for it."""
        return f"{stem}.ndpi{suffix}"

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read with the slide beside the file; see `read_over`."""
        return self.read_over(path, image, Canvas(shape=shape))

    def read_over(self, path: Path, image: str, canvas: Canvas) -> Annotation:
        """Read every closed outline as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no such XML, or the slide, and so the place of its pixels, is not known.
        """
        root = read_xml(path, WHAT)
        frame, assumed = _frame(path, canvas)
        polygons, classes, ids, colours, left_out = [], [], [], dict[str, Colour](), 0
        for state in root.iter("ndpviewstate"):
            drawn = state.find("annotation")
            if (state.findtext("coordformat") or "nanometers").strip() != "nanometers":
                raise NusegError(f"{path}: expected nanometres, found {in_short(state.findtext('coordformat'))}")
            nucleus = None if drawn is None else _area(drawn, frame)
            if drawn is None or nucleus is None or nucleus.is_empty:
                left_out += 1
                continue
            name = (state.findtext("title") or "").strip() or None
            polygons.append(nucleus)
            classes.append(name)
            ids.append(state.get("id") or None)
            colour = hex_colour(drawn.get("color"))
            if name is not None and colour is not None:
                colours[name] = colour
        notes = [f"{plural(left_out, 'annotation')} without an area: left out"] if left_out else []
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            ids=some(ids),
            colours=colours,
            notes=(*notes, _ASSUMED) if assumed else tuple(notes),
            canvas=Canvas(shape=frame.shape, mpp=sum(frame.nm) / 2000),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write one closed freehand outline per nucleus."""
        frame, _ = _frame(path, annotation.canvas.over(Canvas(shape=annotation.shape)))
        root = Element("annotations")
        for number, (nucleus, name, own) in enumerate(
            zip(annotation.areas, annotation.names, annotation.identifiers, strict=True), start=1
        ):
            state = SubElement(root, "ndpviewstate", id=printable(own or str(number)))
            SubElement(state, "title").text = printable(name or "")
            SubElement(state, "coordformat").text = "nanometers"
            colour = as_hex(annotation.colours.get(name or "", _WRITTEN_COLOUR))
            kind = {"type": "freehand", "displayname": "AnnotateFreehand", "color": colour}
            drawn = SubElement(state, "annotation", kind)
            SubElement(drawn, "measuretype").text = "0"
            SubElement(drawn, "closed").text = "1"
            points = SubElement(drawn, "pointlist")
            for x, y in np.rint(frame.to_nanometres(single_ring(nucleus))).astype(np.int64).tolist():
                point = SubElement(points, "point")
                SubElement(point, "x").text = str(x)
                SubElement(point, "y").text = str(y)
        write_xml(root, path)


FORMAT = Ndpa()


def _frame(path: Path, canvas: Canvas) -> tuple[SlideFrame, bool]:
    """Find where the pixels lie; and whether that is assumed."""
    beside = path.with_suffix("")
    for slide in (canvas.path, beside if beside.suffix else None):
        if slide is not None and slide.is_file():
            found = slide_frame(slide)
            if found is not None:
                return found, False
    if canvas.shape is None or canvas.mpp is None:
        raise NusegError(
            f"{path}: counts from the centre of the slide, so the slide is needed: put it beside this file as "
            f"{beside.name}, or give images= its folder, and mpp= where that has no resolution"
        )
    return SlideFrame(canvas.shape, (canvas.mpp * 1000, canvas.mpp * 1000)), True


def _area(drawn: Element, frame: SlideFrame) -> shapely.Geometry | None:
    """Make the area of an annotation; None if it has none."""
    if drawn.get("type") == "circle":
        x, y, radius = (float(drawn.findtext(name) or "nan") for name in ("x", "y", "radius"))
        ((middle_x, middle_y),) = frame.to_pixels(np.array([[x, y]]))
        return ellipse(middle_x, middle_y, radius / frame.nm[0], radius / frame.nm[1])
    if drawn.get("type") not in ("freehand", "rectangle") or (drawn.findtext("closed") or "1").strip() == "0":
        return None
    points = [[float(p.findtext(axis) or "nan") for axis in ("x", "y")] for p in drawn.iterfind("pointlist/point")]
    return area([frame.to_pixels(np.array(points))]) if len(points) > 2 else None
