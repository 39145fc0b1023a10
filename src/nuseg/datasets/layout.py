"""Where images and annotations lie in a source folder, and in what format the annotations are."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from nuseg.annotations.formats.mask_folder import mask_files
from nuseg.annotations.formats.results import FORMAT as RESULTS
from nuseg.datasets.find import AUTO, Found, annotation_paths, find_annotations
from nuseg.datasets.names import PICTURE_SUFFIXES, shorten, stem
from nuseg.errors import NusegError
from nuseg.io.find import IMAGE_SUFFIXES, list_files

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
    "points",
    "mask binary",
)


@dataclass(frozen=True)
class Layout:
    """What a source folder holds: `words` say where, `left_out` are files beside that are neither."""

    images: tuple[Path, ...]
    annotations: Found
    words: str
    left_out: tuple[Path, ...]


def find_layout(source: Path, images: str | None = None, labels: str | None = None, format: str = AUTO) -> Layout:
    """Find the images and the annotations of a source folder.

    Layouts, in this order: a folder of images beside one of annotations, or beside one file for many images; both
    in one folder, where the names of annotations that are pictures end in `_mask`, `_label` and the like.

    Parameters
    ----------
    source : Path
        Folder to look in.
    images, labels : str, optional
        Folder of the images, and folder or file of the annotations: a path, or a name inside `source`. Default:
        usual names.
    format : str
        Name of the annotations' format, or "auto".

    Raises
    ------
    NusegError
        No images or no annotations found.
    """
    image_folder = folder_of(source, images, IMAGE_FOLDERS, "images")
    whole = labels is None and annotation_paths(source, format) == [source]  # such as a dataset
    label_folder = source if whole else folder_of(source, labels, LABEL_FOLDERS, "labels")
    files = list_files(image_folder, PICTURE_SUFFIXES)
    paths = [path for path in annotation_paths(label_folder, format) if path != image_folder]
    words = f"images in {image_folder}, annotations in {label_folder}"
    if image_folder == label_folder:
        ending = [file for file in files if shorten(stem(file)) != stem(file)]
        paths = ending or [path for path in paths if path not in files]
        files = [file for file in files if file not in ending]
        words = f"images and annotations in {image_folder}"
        words += ", told apart by the end of the name" if ending else ""
    if not files:
        found_none = (
            f"{image_folder}: no images found ({', '.join(sorted(PICTURE_SUFFIXES))}); name the folder: images="
        )
        correct = "; or correct these results in nuseg view, and mark regions as finished"
        raise NusegError(found_none + (correct if RESULTS.sniff(image_folder) is not None else ""))
    found = find_annotations(paths, format) if paths else None
    if found is None or not found.entries:
        raise NusegError(
            f"{label_folder}: no annotations found; expected files named like the images, such as "
            f"{stem(files[0])}.png or {stem(files[0])}_mask.png, or name the folder: labels="
        )
    read = {*files, *(entry.path for entry in found.entries), image_folder, label_folder}
    folders = dict.fromkeys((image_folder,) if whole else (image_folder, label_folder))
    left_out = [path for folder in folders for path in _others(folder, read)]
    return Layout(tuple(files), found, words, tuple(left_out))


def _others(folder: Path, read: Set[Path]) -> list[Path]:
    """List what lies in a folder and is not read, without hidden files."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path not in read and not path.name.startswith("."))


def image_and_masks(folder: Path) -> tuple[list[Path], list[Path]]:
    """List image and masks of a folder as in the Data Science Bowl 2018: `ID/images/ID.png`, `ID/masks/*`.

    Raises
    ------
    NusegError
        There are several images.
    """
    pictures = list_files(folder / "images", IMAGE_SUFFIXES)
    if len(pictures) > 1:
        raise NusegError(f"{folder / 'images'}: expected one image beside masks/, found {len(pictures)}")
    return pictures, mask_files(folder / "masks")


def bowl_folders(source: Path) -> list[Path]:
    """List the folders in a folder that hold `images/` and `masks/`, as in the Data Science Bowl 2018."""
    return [f for f in sorted(source.iterdir()) if (f / "masks").is_dir() and (f / "images").is_dir()]


def folder_of(source: Path, given: str | None, usual: Iterable[str], name: str) -> Path:
    """Find the folder that an option `name` gives, as a path or a name in `source`; or one with a usual name.

    Without either it is `source` itself. Only images must be in a folder; others may be a file.

    Raises
    ------
    NusegError
        There is none where one is given.
    """
    if given is not None:
        for place in (source / given, Path(given)):
            if place.is_dir() or (name != "images" and place.is_file()):
                return place
        raise NusegError(f"{name}='{given}': no such folder, neither in {source} nor as a path")
    present = {f.name.lower(): f for f in sorted(source.iterdir()) if f.is_dir()}
    for word in usual:
        if word in present:
            return present[word]
    return source
