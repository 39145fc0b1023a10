"""Pair the images of a source folder with their annotations, by name."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.formats.mask_folder import FORMAT as MASK_FOLDER
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.find import AUTO
from nuseg.datasets.layout import bowl_folders, find_layout, image_and_masks
from nuseg.datasets.names import Entry, name_search, refuse_twins, stem
from nuseg.errors import NusegError
from nuseg.text import plural

_IMAGE_ENDING = re.compile(r"[_\-. ](images?|img|tissue|he)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """An image and its annotation.

    Attributes
    ----------
    name : str
    image : Path
        File of the image; that of the annotation where it keeps the pixels, too.
    annotation : Entry
    mpp : float, optional
        Resolution (um/px) that the image had when nuclei were found in it, where that is known.
    """

    name: str
    image: Path
    annotation: Entry
    mpp: float | None = None

    @property
    def together(self) -> bool:
        """Whether the annotation keeps the pixels."""
        return self.image == self.annotation.path


@dataclass(frozen=True)
class Pairs:
    """What a source folder holds.

    Attributes
    ----------
    pairs : tuple of Pair
    unpaired_images : tuple of Path
    unpaired_annotations : tuple of Entry
    layout : str
        Where they were found, in words.
    format : AnnotationFormat
    format_reason : str
        Why the annotations are taken for that format.
    left_out : tuple of Path
        Files and folders beside them that are neither image nor annotation.
    """

    pairs: tuple[Pair, ...]
    unpaired_images: tuple[Path, ...]
    unpaired_annotations: tuple[Entry, ...]
    layout: str
    format: AnnotationFormat
    format_reason: str
    left_out: tuple[Path, ...] = ()


def find_pairs(source: Path, images: str | None = None, labels: str | None = None, format: str = AUTO) -> Pairs:
    """Pair images with annotations by name.

    Layouts: `ID/images/ID.png` with `ID/masks/*` (Data Science Bowl 2018), else those of
    `nuseg.datasets.layout.find_layout`. A name matches as it is, or without an ending such as `_mask`.

    Parameters
    ----------
    source : Path
        Folder to look in.
    images, labels : str, optional
        Folder of the images, and folder or file of the annotations: a path, or a name inside `source`. Default:
        usual names.
    format : str
        Name of a registered annotation format, or "auto" to recognise it.

    Raises
    ------
    NusegError
        No folder, no images or no annotations found, two files of one name, or no such format.
    """
    if not source.is_dir():
        raise NusegError(f"{source}: no such folder; expected one with images and annotations")
    if images is None and labels is None:
        folders = bowl_folders(source)
        if folders:
            return _pair_bowl(source, folders, format)
        together = _pair_together(source, format)
        if together is not None:
            return together
    layout = find_layout(source, images, labels, format)
    found = layout.annotations
    pairs, unpaired_images, unpaired_annotations = _pair(layout.images, found.entries)
    return Pairs(
        pairs, unpaired_images, unpaired_annotations, layout.words, found.format, found.reason, layout.left_out
    )


def _pair_bowl(source: Path, folders: Sequence[Path], format: str) -> Pairs:
    pairs: list[Pair] = []
    unpaired_images: list[Path] = []
    unpaired_masks: list[Entry] = []
    for folder in folders:
        pictures, masks = image_and_masks(folder)
        if not pictures:
            unpaired_masks.append(Entry(folder / "masks"))
        elif not masks:
            unpaired_images.append(pictures[0])
        else:
            pairs.append(Pair(folder.name, pictures[0], Entry(folder / "masks")))
    kind = MASK_FOLDER if format == AUTO else annotation_formats[format]
    return Pairs(
        pairs=tuple(pairs),
        unpaired_images=tuple(unpaired_images),
        unpaired_annotations=tuple(unpaired_masks),
        layout=f"{plural(len(folders), 'folder')} with images/ and masks/ in {source}",
        format=kind,
        format_reason=f"because {folders[0] / 'masks'} is a folder of masks" if format == AUTO else "as given",
        left_out=tuple(
            path for path in sorted(source.iterdir()) if path not in folders and not path.name.startswith(".")
        ),
    )


def _pair_together(source: Path, format: str) -> Pairs | None:
    """Give the pairs of a format that keeps the pixels beside its annotations; None if there are none."""
    for kind in annotation_formats.values() if format == AUTO else [annotation_formats[format]]:
        if type(kind).pixels is AnnotationFormat.pixels:
            continue
        entries = [Entry(path, image) for path in kind.find(source) for image in kind.images(path) or ()]
        if entries and kind.load_pixels(entries[0].path, entries[0].image or "") is not None:
            return Pairs(
                pairs=tuple(Pair(entry.stem, entry.path, entry) for entry in entries),
                unpaired_images=(),
                unpaired_annotations=(),
                layout=f"images and annotations in the arrays of {source}",
                format=kind,
                format_reason="as given" if format != AUTO else f"because {entries[0].path.name} has its shape",
            )
    return None


def _pair(
    images: Sequence[Path], annotations: Sequence[Entry]
) -> tuple[tuple[Pair, ...], tuple[Path, ...], tuple[Entry, ...]]:
    """Give the pairs, and the images and annotations without partner."""
    refuse_twins([Entry(image) for image in images])
    refuse_twins(annotations)
    find = name_search(annotations)
    pairs: list[Pair] = []
    unpaired: list[Path] = []
    for image in images:
        name = stem(image)
        candidates = find(name, _IMAGE_ENDING.sub("", name))
        if len(candidates) > 1:
            listed = ", ".join(entry.name for entry in candidates)
            raise NusegError(f"{image}: several annotations fit its name ({listed}); leave one, or name them alike")
        if candidates:
            pairs.append(Pair(name, image, candidates[0]))
        else:
            unpaired.append(image)
    taken = Counter(pair.annotation for pair in pairs)
    doubled = [str(entry) for entry, count in taken.items() if count > 1]
    if doubled:
        raise NusegError(f"{doubled[0]}: fits several images by name; name image and annotation alike")
    return tuple(pairs), tuple(unpaired), tuple(entry for entry in annotations if entry not in taken)
