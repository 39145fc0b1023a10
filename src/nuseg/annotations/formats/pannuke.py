"""PanNuke arrays: `masks.npy` (N, h, w, 6) for N images of one size, with `images.npy` (N, h, w, 3) and `types.npy`.

Pixels are those of the images. The first five channels hold the numbers of the nuclei of one class each, the last the
background. Where channels overlap the smaller nucleus is on top. Images are named by their place, with the tissue where
`types.npy` says so: `0007_Breast`. The pixels come from `images.npy`, beside the masks or, as PanNuke's folders have
it, under `images` where the masks lie under `masks`."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, Canvas, some
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import present_labels, renumber
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder
from nuseg.io.opening import read_image
from nuseg.text import plural
from nuseg.types import RGB

CLASSES = ("Neoplastic", "Inflammatory", "Connective", "Dead", "Epithelial")
_CHANNELS = len(CLASSES) + 1
_MASKS, _IMAGES, _TISSUES = "masks.npy", "images.npy", "types.npy"
_LARGEST_LABEL = 1 << 31
_PLACES = ("masks", "masks/*", "*/masks", "*/masks/*")  # under a folder, as PanNuke is handed out


class PanNuke(AnnotationFormat):
    """Arrays of many images of one size."""

    name = "pannuke"
    help = "PanNuke's masks.npy, with images.npy and types.npy"
    suffixes = (".npy",)
    kept = "labels, PanNuke's five classes, the pixels of the images"
    lost = "other classes and nuclei without one are refused; names of images, ids, colours, overlaps"
    convention = "pixels of the image"
    has_classes = True
    raster = True
    folder_entries = (_MASKS, _IMAGES, "names.txt")

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise an array of (N, h, w, 6)."""
        shape = _shape(path)
        if shape is not None and len(shape) == 4 and shape[3] == _CHANNELS:
            return Sniff(SURE, f"{path.name} has the {_CHANNELS} channels of PanNuke")
        return None

    def claims(self, path: Path) -> bool:
        """Say whether a file holds such an array; images and tissues beside it do not."""
        return super().claims(path) and self.sniff(path) is not None

    def find(self, folder: Path) -> list[Path]:
        """List arrays in a folder, also where PanNuke's own folders have them."""
        files = [*folder.glob("*.npy"), *(file for place in _PLACES for file in folder.glob(f"{place}/{_MASKS}"))]
        return sorted(file for file in files if self.claims(file))

    def index(self, path: Path) -> list[str]:
        """Name the images by place and tissue."""
        count = _masks(path).shape[0]
        place = _beside(path, _TISSUES)
        tissues = np.load(place, allow_pickle=False).astype(str).tolist() if place is not None else []
        if tissues and len(tissues) != count:
            raise NusegError(f"{place}: names {len(tissues)} tissues for {plural(count, 'image')} of {path.name}")
        digits = max(4, len(str(count)))
        fold = f"{path.parent.name}_" if path.parent.name.lower().startswith("fold") else ""
        return [
            f"{fold}{number:0{digits}}" + (f"_{tissues[number].replace('/', '-')}" if tissues else "")
            for number in range(count)
        ]

    def pixels(self, path: Path, image: str) -> RGB | None:
        """Give the pixels of an image, which lie beside its masks; None if they do not."""
        place = _beside(path, _IMAGES)
        if place is None:
            return None
        held = np.load(place, mmap_mode="r", allow_pickle=False)
        number = self._number(path, image)
        if held.ndim != 4 or held.shape[3] != 3 or len(held) <= number:
            raise NusegError(f"{place}: is an array {held.shape}, expected (N, h, w, 3) as {path.name}")
        values = np.asarray(held[number])
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
            raise NusegError(f"{place}: image {number} has values outside of 0..255")
        pixels: RGB = np.rint(values).astype(np.uint8)
        return pixels

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the nuclei of one image.

        Raises
        ------
        NusegError
            Not there, another array, or no such image.
        """
        held = np.asarray(_masks(path)[self._number(path, image)])[..., : len(CLASSES)]
        if not np.isfinite(held).all() or held.min() < 0 or held.max() >= _LARGEST_LABEL:
            raise NusegError(f"{path}: image {image} has numbers outside of 0..{_LARGEST_LABEL}")
        nuclei = [
            (channel, held[..., channel] == number)
            for channel in range(len(CLASSES))
            for number in present_labels(held[..., channel])
        ]
        labels = np.zeros(held.shape[:2], np.int32)
        for place in sorted(range(len(nuclei)), key=lambda place: -int(nuclei[place][1].sum())):
            labels[nuclei[place][1]] = place + 1
        present = present_labels(labels)
        hidden = len(nuclei) - len(present)
        return Annotation(
            renumber(labels),
            classes=some(CLASSES[nuclei[number - 1][0]] for number in present),
            vocabulary=CLASSES,
            notes=(f"{plural(hidden, 'nucleus', 'nuclei')} hidden by smaller ones: left out",) if hidden else (),
            canvas=Canvas(name=f"{image}.png"),
        )

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write a folder with the masks, and with the images where all are at hand; names give the tissue's place.

        Raises
        ------
        NusegError
            Images of several sizes, or classes that are not PanNuke's.
        """
        masks: list[np.ndarray] = []
        pictures: list[RGB] = []
        names: list[str] = []
        for annotation in annotations:
            name = annotation.canvas.name or str(len(masks))
            if annotation.labels is None:
                raise NusegError(f"{path}: masks cannot be written of polygons; draw them first")
            if masks and annotation.labels.shape != masks[0].shape[:2]:
                raise NusegError(f"{path}: {name} has another size than {names[0]}; PanNuke's images have one size")
            masks.append(_channels(annotation, path, name))
            names.append(name)
            if annotation.canvas.path is not None:
                pictures.append(read_image(annotation.canvas.path).pixels)
        with atomic_folder(path) as folder:
            np.save(folder / _MASKS, np.stack(masks) if masks else np.zeros((0, 1, 1, _CHANNELS), np.int32))
            if masks and len(pictures) == len(masks):
                np.save(folder / _IMAGES, np.stack(pictures))
            (folder / "names.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")

    def _number(self, path: Path, image: str) -> int:
        names = _names(path, path.stat().st_mtime_ns)
        if image not in names:
            raise NusegError(f"{path}: has no image {image[:200]}")
        return names[image]


FORMAT = PanNuke()


def _shape(path: Path) -> tuple[int, ...] | None:
    """Give the shape of the array in a `.npy` file; None if it is no such file, or holds a pickled object."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        return tuple(np.load(path, mmap_mode="r", allow_pickle=False).shape)
    except (ValueError, OSError, EOFError):
        return None


@lru_cache(maxsize=1)
def _names(path: Path, _changed: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(FORMAT.index(path))}


def _masks(path: Path) -> np.ndarray:
    """Open the masks without reading them."""
    if not path.is_file():
        raise NusegError(f"{path}: no such annotation file")
    held = np.load(path, mmap_mode="r", allow_pickle=False)
    if held.ndim != 4 or held.shape[3] != _CHANNELS or held.dtype.kind not in "buif":
        raise NusegError(f"{path}: is an array {held.shape} of {held.dtype}, expected (N, h, w, {_CHANNELS}) numbers")
    return np.asarray(held) if held.size == 0 else held


def _beside(path: Path, name: str) -> Path | None:
    """Find what belongs to the masks: beside them, or under `images` as they lie under `masks`."""
    parts = path.parts
    places = [path.with_name(name)]
    for at, folder in product(range(len(parts) - 1, -1, -1), ("images", "Images")):
        if parts[at].lower() == "masks" and at < len(parts) - 1:
            places.append(Path(*parts[:at], folder, *parts[at + 1 : -1], name))
    return next((place for place in places if place.is_file()), None)


def _channels(annotation: Annotation, path: Path, name: str) -> np.ndarray:
    """Make the six channels of an image."""
    assert annotation.labels is not None
    labels = renumber(annotation.labels)
    held = np.zeros((*labels.shape, _CHANNELS), np.int32)
    classes = annotation.classes or (None,) * int(labels.max(initial=0))
    for number, own in enumerate(classes, start=1):
        if own not in CLASSES:
            raise NusegError(
                f"{path}: {name} has a nucleus of the class {own or 'none'}, expected one of {', '.join(CLASSES)}; "
                "give classes= to map names"
            )
        inside = labels == number
        held[inside, CLASSES.index(own)] = number
    held[..., -1] = labels == 0
    return held
