"""YOLO segmentation text: one file per image, one line per nucleus with class number and outline.

Coordinates are shares of the image's width and height, 0 to 1 from its upper left corner; so the image's size is
needed. Names of classes come from `names` in `data.yaml` (or another `.yaml`), else from the lines of `classes.txt`,
in the file's folder or up to three above; else a class is called by its number. A line with four numbers after the
class is a box, of centre, width and height. A nucleus with holes or of several pieces is one outline with cuts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.documents import head, read_bytes
from nuseg.annotations.format import LIKELY, UNNAMED, AnnotationFormat, Sniff
from nuseg.annotations.polygons import area, rectangle, single_ring
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder
from nuseg.text import plural, shortened

WHAT = "YOLO segments: a class number and x, y between 0 and 1 in every line"
_CLASS_LISTS = ("classes.txt", "obj.names")
_FOLDERS_ABOVE = 3
_BOX = 4
_DIGITS = 9
_LARGEST_LIST = 1 << 20


class Yolo(AnnotationFormat):
    """Outlines as shares of the image's sides."""

    name = "yolo"
    help = "YOLO segmentation text, one file per image"
    suffixes = (".txt",)
    kept = "classes, overlaps"
    lost = "ids, colours, the image's size"
    convention = "shares of width and height, 0 to 1 from the upper left corner of the image"
    has_classes = True
    numbers_classes = True
    needs_shape = True
    folder_entries = ("labels", "data.yaml")

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise lines of a whole number and shares; an empty file is an image without nuclei."""
        if not super().claims(path) or path.name in _CLASS_LISTS:
            return None
        begin = head(path)
        if not begin.strip():
            return (
                Sniff(0.0, f"{path.name} is empty, as for an image without nuclei") if path.stat().st_size < 4 else None
            )
        try:
            values = [float(word) for word in begin.splitlines()[0].split()]
        except ValueError:
            return None
        shares = np.array(values[1:])
        fits = len(values) > _BOX and values[0].is_integer() and values[0] >= 0 and (np.abs(shares - 0.5) < 1).all()
        return Sniff(LIKELY, f"{path.name} has lines of a class and shares") if fits else None

    def claims(self, path: Path) -> bool:
        """Say whether a file has such lines, or none; other texts beside them do not count."""
        return super().claims(path) and self.sniff(path) is not None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read every line as one nucleus; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no such lines, or the image's size is not known.
        """
        raw = read_bytes(path, WHAT) if head(path).strip() or not path.is_file() else b""
        if shape is None:
            raise NusegError(f"{path}: holds shares of the image's sides, so its size is needed: give images=")
        names = _names(path.parent)
        polygons, classes, boxes, left_out = [], [], 0, 0
        for number, line in enumerate(raw.decode("utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            own, values = _numbers(path, number, line)
            if len(values) == _BOX:
                x, y, width, height = values * (shape[1], shape[0], shape[1], shape[0])
                nucleus = rectangle(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                boxes += 1
            else:
                points = values[: len(values) // 2 * 2].reshape(-1, 2)  # an odd number at the end is a certainty
                nucleus = area([points * (shape[1], shape[0])])
            if nucleus.is_empty:
                left_out += 1
                continue
            polygons.append(nucleus)
            name = names.get(own, str(own))
            classes.append(None if name == UNNAMED else name)
        notes = [f"{plural(left_out, 'line')} without an area: left out"] if left_out else []
        if boxes:
            notes.append(f"{plural(boxes, 'nucleus', 'nuclei')} given as box, not as outline")
        vocabulary = tuple(names[key] for key in sorted(names) if names[key] != UNNAMED)
        return Annotation(polygons=tuple(polygons), classes=some(classes), vocabulary=vocabulary, notes=tuple(notes))

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write a folder with `labels/NAME.txt` and `data.yaml`, which names the classes."""
        known: dict[str, int] = {}
        with atomic_folder(path) as folder:
            (folder / "labels").mkdir()
            for annotation in annotations:
                for name in annotation.all_classes:
                    known.setdefault(name, len(known))
                if None in annotation.names:
                    known.setdefault(UNNAMED, len(known))
                stem = Path(annotation.canvas.name or "image").stem
                text = "".join(_lines(annotation, known, folder))
                (folder / "labels" / f"{stem}.txt").write_text(text, encoding="utf-8")
            about = {"path": ".", "train": "images", "val": "images", "names": {n: name for name, n in known.items()}}
            (folder / "data.yaml").write_text(
                yaml.safe_dump(about, sort_keys=False, allow_unicode=True), encoding="utf-8"
            )


FORMAT = Yolo()


def _numbers(path: Path, number: int, line: str) -> tuple[int, np.ndarray]:
    """Take a line apart into class and shares."""
    try:
        first, *rest = [float(word) for word in line.split()]
        values = np.array(rest)
        if not (first.is_integer() and first >= 0 and np.isfinite(values).all() and len(values) >= _BOX):
            raise ValueError
        if np.abs(values - 0.5).max() > 1.5:
            raise ValueError
    except ValueError:
        raise NusegError(f"{path}: line {number}: expected {WHAT}, found {shortened(line)!r}") from None
    return int(first), values


def _names(folder: Path) -> dict[int, str]:
    """Find the names of classes for a file in a folder."""
    folder = folder.resolve()
    for place in (folder, *folder.parents[:_FOLDERS_ABOVE]):
        for file in sorted(place.glob("*.y*ml"), key=lambda file: (file.name != "data.yaml", file.name)):
            found = _names_of_yaml(file)
            if found:
                return found
        for name in _CLASS_LISTS:
            if (place / name).is_file():
                lines = (place / name).read_text(encoding="utf-8", errors="replace").splitlines()
                return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    return {}


def _names_of_yaml(file: Path) -> dict[int, str]:
    try:
        if file.stat().st_size > _LARGEST_LIST:
            return {}
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return {}
    return {int(number): str(name) for number, name in names.items() if _is_class(number, name)}


def _is_class(number: Any, name: Any) -> bool:
    return isinstance(number, int) and number >= 0 and isinstance(name, str | int | float)


def _lines(annotation: Annotation, known: dict[str, int], folder: Path) -> Iterable[str]:
    """Write the nuclei of an image, one a line."""
    if annotation.shape is None:
        raise NusegError(f"{folder}: the size of {annotation.canvas.name} is not known: give images= its folder")
    height, width = annotation.shape
    for nucleus, name in zip(annotation.areas, annotation.names, strict=True):
        shares = single_ring(nucleus) / (width, height)
        yield " ".join([str(known[name or UNNAMED]), *(f"{v:.{_DIGITS}g}" for v in shares.ravel())]) + "\n"
