"""nuseg's own results: a folder that `nuseg segment` wrote.

Of every image the outlines are read, from `geoparquet/NAME.parquet`, `geojson/NAME.geojson` or
`geojson/NAME.geojson.gz`, the first that there is and that what is installed can read, else the label image
`labels/NAME.tiff`. Coordinates are px of level 0 from the upper left corner. Sizes and resolutions are those of
`summary.csv`."""

import csv
from dataclasses import replace
from pathlib import Path

from nuseg.annotations.annotation import Annotation, Canvas, stated_shape
from nuseg.annotations.classes import without_plain
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.formats.geojson import FORMAT as GEOJSON
from nuseg.annotations.formats.geoparquet import FORMAT as GEOPARQUET
from nuseg.annotations.formats.label_image import FORMAT as LABELS
from nuseg.annotations.labels import present_labels
from nuseg.annotations.object_ids import object_id
from nuseg.errors import NusegError
from nuseg.text import in_short

SUMMARY = "summary.csv"
_PLACES = (
    ("geoparquet", ".parquet", GEOPARQUET),
    ("geojson", ".geojson", GEOJSON),
    ("geojson", ".geojson.gz", GEOJSON),
    ("labels", ".tiff", LABELS),
)


class Results(AnnotationFormat):
    """A folder of results."""

    name = "nuseg"
    help = "a folder of results of nuseg segment"
    kept = "outlines, ids, classes, image names, sizes and resolutions"
    lost = "measures"
    convention = "px of level 0 from the upper left corner of the image"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise a summary beside a folder of outlines or labels."""
        if (path / SUMMARY).is_file() and any((path / folder).is_dir() for folder, _, _ in _PLACES):
            return Sniff(SURE, f"{path.name} is a folder of nuseg's results")
        return None

    def find(self, folder: Path) -> list[Path]:
        """Give the folder itself if it is one."""
        return [folder] if self.sniff(folder) is not None else []

    def index(self, path: Path) -> list[str]:
        """Name the images that have results."""
        return [name for name in summary_rows(path) if _file(path, name) is not None]

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the outlines of one image, or its label image.

        Raises
        ------
        NusegError
            There are none, or they are damaged.
        """
        found = _file(path, image)
        if found is None:
            raise NusegError(f"{path}: has no outlines or labels of {image[:200]}; segment it again")
        file, kind = found
        row = summary_rows(path).get(image, {})
        stated = Canvas(
            name=Path(row.get("image") or image).name,
            shape=stated_shape(row.get("height"), row.get("width")) or shape,
            mpp=float(row["mpp"]) if row.get("mpp") else None,
        )
        read = kind.load(file, image, shape)
        return replace(without_plain(read), ids=_ids(read, image), canvas=stated)


FORMAT = Results()


def _file(path: Path, name: str) -> tuple[Path, AnnotationFormat] | None:
    """Find what a folder has of an image, and its format."""
    if not name or Path(name).name != name:
        return None
    files = ((path / folder / f"{name}{suffix}", kind) for folder, suffix, kind in _PLACES)
    there = sorted(((file, kind) for file, kind in files if file.is_file()), key=lambda one: not one[1].installed)
    return there[0] if there else None


def _ids(read: Annotation, image: str) -> tuple[str | None, ...] | None:
    """Give the ids that nuclei have in GeoJSON, whatever file was read: there they are numbers."""
    held = read.ids
    if held is None and read.labels is not None:
        held = tuple(map(str, present_labels(read.labels).tolist()))
    if held is None:
        return None
    return tuple(object_id(image, int(own)) if own is not None and own.isdecimal() else own for own in held)


def summary_rows(path: Path) -> dict[str, dict[str, str]]:
    """Give the rows of the summary in a folder of results by name, those of failed images left out.

    Raises
    ------
    NusegError
        It cannot be read.
    """
    try:
        with (path / SUMMARY).open(encoding="utf-8", newline="") as file:
            return {row["name"]: row for row in csv.DictReader(file) if row.get("name") and not row.get("error")}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise NusegError(f"{path / SUMMARY}: cannot be read ({in_short(problem)})") from problem
