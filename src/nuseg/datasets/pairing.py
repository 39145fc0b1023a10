"""Find images and their annotations in a folder, and what format the annotations have."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nuseg.annotations.label_image import read_stored
from nuseg.annotations.mask_folder import mask_files
from nuseg.annotations.raw import ANNOTATION_SUFFIXES
from nuseg.datasets.checks import looks_binary
from nuseg.datasets.names import name_search, refuse_twins, shorten, stem
from nuseg.errors import NusegError
from nuseg.io.find import IMAGE_SUFFIXES, list_files
from nuseg.text import plural

Format = Literal["labels", "binary", "folders"]
FORMATS: tuple[Format, ...] = ("labels", "binary", "folders")
IMAGE_FOLDERS = ("images", "image", "imgs", "img", "tissue images")
LABEL_FOLDERS = (
    "labels",
    "label",
    "masks",
    "mask",
    "annotations",
    "annotation",
    "gt",
    "groundtruth",
    "mask binary",
)
_IMAGE_ENDING = re.compile(r"[_\-. ](images?|img|tissue|he)$", re.IGNORECASE)
_LOOK_AT = 16


@dataclass(frozen=True)
class Pair:
    """An image and its annotation: a file, or a folder with one mask for every nucleus."""

    name: str
    image: Path
    annotation: Path


@dataclass(frozen=True)
class Pairs:
    """What a source folder holds; `lonely_*` have no partner."""

    pairs: tuple[Pair, ...]
    lonely_images: tuple[Path, ...]
    lonely_annotations: tuple[Path, ...]
    layout: str


def find_pairs(source: Path, images: str | None = None, labels: str | None = None) -> Pairs:
    """Pair images with annotations by name.

    Layouts, in this order: `ID/images/ID.png` with `ID/masks/*` (Data Science Bowl 2018); a folder of images
    beside one of annotations, which are files or folders of masks; both in one folder, annotations ending in
    `_mask`, `_label` and the like. A name matches as it is, or without such an ending.

    Parameters
    ----------
    source : Path
        Folder to look in.
    images, labels : str, optional
        Folder of the images and of the annotations: a path, or a name inside `source`. Default: usual names.

    Raises
    ------
    NusegError
        No folder, no images or no annotations found, or two files of one name.
    """
    if not source.is_dir():
        raise NusegError(f"{source}: no such folder; expected one with images and annotations")
    if images is None and labels is None:
        found = _mask_layout(source)
        if found is not None:
            return found
    image_folder = _folder(source, images, IMAGE_FOLDERS, "--images")
    label_folder = _folder(source, labels, LABEL_FOLDERS, "--labels")
    image_files = list_files(image_folder, IMAGE_SUFFIXES)
    if image_folder == label_folder:
        annotations = [file for file in image_files if shorten(stem(file)) != stem(file)]
        image_files = [file for file in image_files if file not in set(annotations)]
        layout = f"images and annotations in {image_folder}, told apart by the end of the name"
    else:
        annotations = [found for found in _annotations(label_folder) if found != image_folder]
        layout = f"images in {image_folder}, annotations in {label_folder}"
    if not image_files:
        raise NusegError(
            f"{image_folder}: no images found ({', '.join(sorted(IMAGE_SUFFIXES))}); name the folder: --images"
        )
    if not annotations:
        raise NusegError(
            f"{label_folder}: no annotations found; expected files named like the images, such as "
            f"{stem(image_files[0])}.png or {stem(image_files[0])}_mask.png, or name the folder: --labels"
        )
    return _pair(image_files, annotations, layout)


def detect_format(pairs: Sequence[Pair]) -> tuple[Format, str]:
    """Tell the format of the annotations from some of them; gives the format and the reason."""
    if pairs[0].annotation.is_dir():
        return "folders", f"{pairs[0].annotation} is a folder of masks"
    step = max(1, len(pairs) // _LOOK_AT)
    binary: list[str] = []
    for pair in pairs[::step]:
        try:
            values = read_stored(pair.annotation)
        except NusegError as problem:
            if "colours" not in str(problem):
                continue  # damaged: said when all files are read
            return "binary", f"{pair.annotation.name} has colours"
        count = len(np.unique(values[values > 0]))
        if count > 1 and pair.annotation.suffix.lower() not in (".jpg", ".jpeg"):
            return "labels", f"{pair.annotation.name} has {count} different labels"
        if count > 1 or looks_binary(values):
            binary.append(pair.annotation.name)
    if binary:
        return "binary", f"{binary[0]} has one value for all nuclei"
    return "labels", "no annotation has more than one nucleus"


def _mask_layout(source: Path) -> Pairs | None:
    folders = [f for f in sorted(source.iterdir()) if (f / "masks").is_dir() and (f / "images").is_dir()]
    if not folders:
        return None
    pairs: list[Pair] = []
    lonely_images: list[Path] = []
    lonely_masks: list[Path] = []
    for folder in folders:
        pictures = list_files(folder / "images", IMAGE_SUFFIXES)
        if len(pictures) > 1:
            raise NusegError(f"{folder / 'images'}: expected one image beside masks/, found {len(pictures)}")
        if not pictures:
            lonely_masks.append(folder / "masks")
        elif not mask_files(folder / "masks"):
            lonely_images.append(pictures[0])
        else:
            pairs.append(Pair(folder.name, pictures[0], folder / "masks"))
    layout = f"{plural(len(folders), 'folder')} with images/ and masks/ in {source}"
    return Pairs(tuple(pairs), tuple(lonely_images), tuple(lonely_masks), layout)


def _folder(source: Path, given: str | None, usual: Iterable[str], option: str) -> Path:
    if given is not None:
        for folder in (source / given, Path(given)):
            if folder.is_dir():
                return folder
        raise NusegError(f"{option} {given}: no such folder, neither in {source} nor as a path")
    present = {f.name.lower(): f for f in sorted(source.iterdir()) if f.is_dir()}
    for name in usual:
        if name in present:
            return present[name]
    return source


def _annotations(folder: Path) -> list[Path]:
    files = list_files(folder, ANNOTATION_SUFFIXES)
    if files:
        return files
    return sorted(f for f in folder.iterdir() if f.is_dir() and mask_files(f))


def _pair(images: list[Path], annotations: list[Path], layout: str) -> Pairs:
    refuse_twins(images)
    refuse_twins(annotations)
    find = name_search(annotations)
    pairs: list[Pair] = []
    lonely: list[Path] = []
    for image in images:
        name = stem(image)
        candidates = find(name, _IMAGE_ENDING.sub("", name))
        if len(candidates) > 1:
            listed = ", ".join(file.name for file in candidates)
            raise NusegError(f"{image}: several annotations fit its name ({listed}); leave one, or name them alike")
        if candidates:
            pairs.append(Pair(name, image, candidates[0]))
        else:
            lonely.append(image)
    taken = Counter(pair.annotation for pair in pairs)
    doubled = [str(file) for file, count in taken.items() if count > 1]
    if doubled:
        raise NusegError(f"{doubled[0]}: fits several images by name; name image and annotation alike")
    unused = tuple(file for file in annotations if file not in taken)
    return Pairs(tuple(pairs), tuple(lonely), unused, layout)
