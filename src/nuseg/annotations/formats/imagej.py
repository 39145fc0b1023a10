"""ImageJ regions of interest: a ROI file, a zip of them, or a folder of them, per image.

Coordinates of areas in ImageJ lie on the corners of pixels: 0, 0 is the upper left corner of the first pixel, and a
rectangle of 2 by 2 covers four pixels. Polygons, freehand and traced outlines, rectangles, ovals and composites are
read, sub-pixel coordinates and curves of composites included; what lies in an odd number of a composite's outlines is
inside. Points, lines and angles are left out, and that is noted. The id is the name; the class is the property `class`,
else the number of the group. Nuclei of several pieces or with holes are written as composites."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.archives import is_archive, opened
from nuseg.annotations.documents import printable
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.polygons import Ring, area, ellipse, parity, rectangle, rings_of
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.find import list_files
from nuseg.text import in_short, plural

if TYPE_CHECKING:
    from roifile import ImagejRoi

_MAGIC = b"Iout"
_LARGEST = 1 << 28
_MOST_GROUPS = 255
_CURVE_STEPS = 8
_CLASS = "class"


class ImageJ(AnnotationFormat):
    """Outlines of regions."""

    name = "imagej"
    help = "ImageJ ROI files, or a zip or folder of them, per image"
    suffixes = (".zip", ".roi")
    needs = ("roifile", "nuseg[formats]")
    kept = "classes (property `class`, group), ids (names), holes and pieces (composites), overlaps"
    lost = "colours, the image's size"
    convention = "px; areas lie on the corners of pixels, from the upper left corner of the image"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise ROI files by their first bytes, archives and folders by the files in them."""
        if path.is_dir():
            files = list_files(path, (".roi",))
            return Sniff(SURE, f"{path.name} is a folder of ROI files") if files else None
        if not super().claims(path):
            return None
        if path.suffix.lower() == ".zip":
            if not is_archive(path):
                return Sniff(BY_NAME, f"{path.name} ends as an archive")
            with opened(path) as (_, held):
                rois = bool(held) and all(one.filename.lower().endswith(".roi") for one in held)
            return Sniff(SURE, f"{path.name} is an archive of ROI files") if rois else None
        with path.open("rb") as file:
            known = file.read(len(_MAGIC)) == _MAGIC
        return Sniff(SURE, f"{path.name} is an ImageJ ROI") if known else Sniff(BY_NAME, f"{path.name} ends as a ROI")

    def claims(self, path: Path) -> bool:
        """Say whether a file holds ROIs; other archives do not."""
        return super().claims(path) and self.sniff(path) is not None

    def find(self, folder: Path) -> list[Path]:
        """List archives and ROI files, and folders of ROI files."""
        return sorted(
            place for place in folder.iterdir() if (place.is_dir() and self.sniff(place)) or self.claims(place)
        )

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every area as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, damaged, or without roifile.
        """
        polygons, classes, ids, left_out = [], [], [], 0
        for name, data in _contents(path):
            roi = _parse(path, name, data)
            nucleus = _area(roi)
            if nucleus is None or nucleus.is_empty:
                left_out += 1
                continue
            polygons.append(nucleus)
            classes.append(roi.properties.get(_CLASS) or (str(roi.group) if roi.group else None))
            ids.append(roi.name or Path(name).stem or None)
        return Annotation(
            polygons=tuple(polygons),
            classes=some(classes),
            ids=some(ids),
            notes=(f"{plural(left_out, 'ROI')} without an area: left out",) if left_out else (),
        )

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write an archive; or, where the name ends in .roi, the only nucleus."""
        groups = {name: number for number, name in enumerate(annotation.all_classes, start=1)}
        rois: dict[str, bytes] = {}
        digits = max(4, len(str(len(annotation.areas))))
        for number, (nucleus, name, own) in enumerate(
            zip(annotation.areas, annotation.names, annotation.identifiers, strict=True), start=1
        ):
            roi = _roi(nucleus)
            title = printable(own or str(number).zfill(digits))
            roi.name = title
            if name is not None:
                roi.properties = {_CLASS: printable(name)}
                roi.group = groups[name] if groups[name] <= _MOST_GROUPS else 0
            rois[_free(title, rois)] = roi.tobytes()
        if path.suffix.lower() == ".roi":
            if len(rois) != 1:
                raise NusegError(f"{path}: a .roi file holds one nucleus, found {len(rois)}; end the name in .zip")
            with atomic_path(path) as temporary:
                temporary.write_bytes(*rois.values())
            return
        from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

        with atomic_path(path) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED) as archive:
            for file_name, content in rois.items():  # without the time, so that the same nuclei give the same bytes
                archive.writestr(ZipInfo(f"{file_name}.roi"), content, ZIP_DEFLATED)


FORMAT = ImageJ()


def _contents(path: Path) -> list[tuple[str, bytes]]:
    """Give name and content of every ROI file at a path."""
    if path.is_dir():
        return [item for file in list_files(path, (".roi",)) for item in _contents(file)]
    if is_archive(path) or path.suffix.lower() == ".zip":
        with opened(path) as (archive, files):
            return [(one.filename, archive.read(one)) for one in files if one.file_size <= _LARGEST]
    try:
        with path.open("rb") as file:
            return [(path.name, file.read(_LARGEST))]
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror or error}); check the path") from error


def _parse(path: Path, name: str, data: bytes) -> "ImagejRoi":
    from roifile import ImagejRoi

    try:
        return ImagejRoi.frombytes(data)
    except Exception as problem:
        where = path if path.name == name else f"{path}: {name[:200]}"
        raise NusegError(f"{where}: damaged ROI ({in_short(problem)}); save it again in ImageJ") from problem


def _area(roi: "ImagejRoi") -> shapely.Geometry | None:
    """Make the area of a ROI; None if its kind has none."""
    from roifile import ROI_TYPE

    if roi.multi_coordinates is not None:
        return parity([ring for ring in _path_rings(roi.multi_coordinates.tolist()) if len(ring) > 2])
    left, top, right, bottom = float(roi.left), float(roi.top), float(roi.right), float(roi.bottom)
    if roi.subpixelrect and roi.widthd > 0 and roi.heightd > 0:
        left, top, right, bottom = roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
    if roi.roitype == ROI_TYPE.RECT:
        return rectangle(left, top, right, bottom)
    if roi.roitype == ROI_TYPE.OVAL:
        return ellipse((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2)
    if roi.roitype in (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED):
        points = np.asarray(roi.coordinates(), np.float64)
        return area([points]) if len(points) > 2 else None
    return None


def _path_rings(path: list[float]) -> list[Ring]:
    """Give the rings of a path of Java's PathIterator, curves in short straight lines."""
    rings: list[list[list[float]]] = []
    at, pairs = 0, {0: 1, 1: 1, 2: 2, 3: 3, 4: 0}
    while at < len(path):
        step = int(path[at])
        if step not in pairs:
            raise ValueError(f"a path with the unknown step {step}")
        values = path[at + 1 : at + 1 + 2 * pairs[step]]
        if len(values) < 2 * pairs[step] or (step and not rings):
            raise ValueError("a path that is cut short")
        points = [values[k : k + 2] for k in range(0, len(values), 2)]
        if step == 0:
            rings.append(points)
        elif step < 4:
            rings[-1] += _curve([rings[-1][-1], *points])
        at += 1 + len(values)
    return [np.array(ring, np.float64) for ring in rings]


def _curve(control: list[list[float]]) -> list[list[float]]:
    """Give points along a Bezier curve behind its first point; of a straight line the end (de Casteljau 1959)."""
    if len(control) == 2:
        return control[1:]
    share = np.linspace(0, 1, _CURVE_STEPS + 1)[1:, None, None]
    points = np.repeat(np.array(control, np.float64)[None], _CURVE_STEPS, axis=0)
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - share) + points[:, 1:] * share
    found: list[list[float]] = points[:, 0].tolist()
    return found


def _roi(nucleus: shapely.Geometry) -> "ImagejRoi":
    """Make a polygon with sub-pixel coordinates, or a composite where there are several rings."""
    from roifile import ROI_TYPE, ImagejRoi

    rings = [ring for rings in rings_of(nucleus) for ring in rings]
    if len(rings) == 1:
        roi = ImagejRoi.frompoints(rings[0])
        roi.roitype = ROI_TYPE.POLYGON
        return roi
    roi = ImagejRoi()
    left, top, right, bottom = nucleus.bounds
    roi.left, roi.top, roi.right, roi.bottom = (int(v) for v in np.rint([left, top, right, bottom]))
    path: list[float] = []
    for ring in rings:
        for step, (x, y) in enumerate(ring.tolist()):
            path += [min(step, 1), x, y]
        path.append(4)
    roi.roitype, roi.multi_coordinates, roi.shape_roi_size = ROI_TYPE.RECT, np.array(path, np.float32), len(path)
    return roi


def _free(title: str, taken: dict[str, bytes]) -> str:
    """Give a name for a file in the archive that none has yet."""
    base = "".join("_" if letter in '/\\:*?"<>|' else letter for letter in title)[:100].strip(". ") or "roi"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
