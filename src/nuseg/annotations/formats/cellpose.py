"""Cellpose `NAME_seg.npy`: a dict with a label image under `masks`.

Pixels are those of the image. The file is a pickle, which could run code when it is loaded; only plain values and
arrays are read from it, and one that asks for more is refused. Written are `masks`, `outlines`, `filename`, `ismanual`,
`chan_choose`, `est_diam` and empty `flows`, which the Cellpose program opens."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import renumber
from nuseg.annotations.pickled import read_pickled_dict
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path

WHAT = "a dict of Cellpose with masks"
_ENDING = "_seg.npy"
_OBJECT_HEADER = b"'descr': '|O'"


class Cellpose(AnnotationFormat):
    """A label image in a dict."""

    name = "cellpose"
    help = "Cellpose's NAME_seg.npy"
    suffixes = (".npy",)
    kept = "labels, the image's name"
    lost = "classes, ids, colours, overlaps (the smaller nucleus is on top)"
    convention = "pixels of the image"
    raster = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise a NumPy file that holds an object."""
        if not super().claims(path):
            return None
        with path.open("rb") as file:
            if _OBJECT_HEADER in file.read(128):
                return Sniff(SURE, f"{path.name} holds a dict, as Cellpose writes it")
        ends = path.name.lower().endswith(_ENDING)
        return Sniff(BY_NAME, f"{path.name} ends as a file of Cellpose") if ends else None

    def claims(self, path: Path) -> bool:
        """Say whether a file holds an object, or is named as if it should; other arrays do not count."""
        return super().claims(path) and self.sniff(path) is not None

    def file_name(self, stem: str, suffix: str) -> str:
        """Name it as the Cellpose program looks for it."""
        return f"{stem}{_ENDING}"

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the label image.

        Raises
        ------
        NusegError
            Not there, another kind of file, unsafe, or without a (h, w) label image.
        """
        if not path.is_file():
            raise NusegError(f"{path}: no such annotation file")
        held = read_pickled_dict(path, WHAT)
        masks = np.asarray(held.get("masks"))
        while masks.ndim > 2 and masks.shape[0] == 1:
            masks = masks[0]
        if masks.ndim != 2 or masks.dtype.kind not in "bui" or masks.min(initial=0) < 0:
            raise NusegError(
                f"{path}: masks are {masks.dtype} {masks.shape}, expected a (h, w) label image; stacks are not read"
            )
        name = held.get("filename")
        where = Canvas(name=name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else None)
        return Annotation(masks.astype(np.int32), canvas=where)

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write the dict that the Cellpose program opens."""
        if annotation.labels is None:
            raise NusegError(f"{path}: a label image cannot be written of polygons; draw them first")
        labels = renumber(annotation.labels)
        count = int(labels.max(initial=0))
        inner = np.pad(labels, 1, mode="edge")
        around = [inner[1 + y : inner.shape[0] - 1 + y, 1 + x : inner.shape[1] - 1 + x] for y, x in _BESIDE]
        edge = np.any([labels != one for one in around], axis=0) & (labels > 0)
        pixels = np.bincount(labels.ravel())[1:]
        content = {
            "masks": labels.astype(np.uint16 if count < 1 << 16 else np.uint32),
            "outlines": np.where(edge, labels, 0).astype(np.uint16 if count < 1 << 16 else np.uint32),
            "filename": annotation.canvas.name or "",
            "ismanual": np.zeros(count, bool),
            "chan_choose": [0, 0],
            "est_diam": float(2 * np.sqrt(np.median(pixels) / np.pi)) if count else 0.0,
            "flows": [],
        }
        held = np.empty((), object)
        held[()] = content
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, held, allow_pickle=True)


_BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))
FORMAT = Cellpose()
