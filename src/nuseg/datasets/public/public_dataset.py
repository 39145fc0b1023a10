"""What a public dataset must say of itself, and how its files become pairs of image and annotation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nuseg.annotations.format import AnnotationFormat
from nuseg.datasets.names import Entry
from nuseg.datasets.public.tree import File, Tree
from nuseg.errors import NusegError
from nuseg.io.find import IMAGE_SUFFIXES
from nuseg.text import plural, shortened

Commercial = Literal["allowed", "forbidden", "not stated"]


@dataclass(frozen=True)
class Download:
    """A file of a dataset at a stable public address.

    Attributes
    ----------
    file : str
        Name that it is kept under.
    url : str
    sha256 : str or None
        Checksum, where it is known.
    megabytes : int
        About how large it is; 0 where that is not known.
    """

    file: str
    url: str
    sha256: str | None = None
    megabytes: int = 0


@dataclass(frozen=True)
class PublicItem:
    """One annotated image as its authors distribute it.

    Attributes
    ----------
    name : str
    image : Path
        Its file; that of the annotation where it keeps the pixels, too.
    annotation : Entry
    split : "train", "validation", "test" or None
        None where the authors name none.
    group : str
        Patient or slide, as far as names tell.
    mpp : float or None
        um per pixel, where it is stated.
    """

    name: str
    image: Path
    annotation: Entry
    split: str | None
    group: str
    mpp: float | None


@dataclass(frozen=True)
class Content:
    """What the files of a dataset hold.

    Attributes
    ----------
    items : tuple of PublicItem
    format : AnnotationFormat
        Reads all annotations.
    unpaired_images : tuple of Path
    unpaired_annotations : tuple of Entry
    notes, warnings : tuple of str
        What the user should know of how files were chosen.
    """

    items: tuple[PublicItem, ...]
    format: AnnotationFormat
    unpaired_images: tuple[Path, ...] = ()
    unpaired_annotations: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class PublicDataset(ABC):
    """A dataset that its authors publish: subclass it, and give an instance to the registry.

    Attributes
    ----------
    name : str
        How users name it: "monuseg".
    title : str
        Its own name: "MoNuSeg 2018".
    images, nuclei : int
        As its authors count them.
    organs : str
    mpp : float or None
        um per pixel; None where it is not stated.
    magnification : str
        As its authors state it: "40x".
    licence : str
    commercial : "allowed", "forbidden" or "not stated"
        Whether the licence allows commercial use.
    citation : str
        Short reference with a DOI.
    address : str
        Page of the authors.
    split : str
        What the authors say of train, validation and test.
    layout : str
        What is distributed, as paths: for messages and help.
    by_hand : str
        How to get it where it cannot be downloaded, one sentence without full stop.
    downloads : tuple of Download
        All files, where they have a stable public address.
    classes : tuple of str
    note : str
        What else to know of it, a sentence or empty.
    annotation : "instance", "binary" or None
        Whether touching nuclei are told apart; None: as the format says.
    split_folders : tuple of (str, str)
        Splits, and the regular expression for the whole name, in lower case, of a folder that holds one.
    """

    name: str
    title: str
    images: int
    nuclei: int
    organs: str
    mpp: float | None
    magnification: str
    licence: str
    commercial: Commercial
    citation: str
    address: str
    split: str
    layout: str
    by_hand: str
    downloads: tuple[Download, ...] = ()
    classes: tuple[str, ...] = ()
    note: str = ""
    annotation: Literal["instance", "binary"] | None = None
    split_folders: tuple[tuple[str, str], ...] = ()

    @abstractmethod
    def content(self, tree: Tree) -> Content:
        """Find images and annotations.

        Raises
        ------
        NusegError
            A file that says what belongs together is damaged.
        """

    def split_of(self, file: File) -> str | None:
        """Name the official split of an image; None where there is none."""
        return file.first_of(self.split_folders)

    def group_of(self, name: str) -> str:
        """Name the patient or slide of an image, as far as its name tells: by default each image is its own."""
        return name

    def mpp_of(self, file: File) -> float | None:
        """Resolution of an image in um per pixel; None where it is not stated."""
        return self.mpp

    def matched(
        self,
        images: Sequence[File],
        annotations: Sequence[File],
        kind: AnnotationFormat,
        key: "Callable[[File], Hashable] | None" = None,
    ) -> Content:
        """Match images with annotations.

        What lies in folders that hold nothing of the dataset is no error: a user's folder may hold other things, too.

        Parameters
        ----------
        images, annotations : sequence of File
        kind : AnnotationFormat
        key : function, optional
            What is the same of an image and its annotation; default: the official split and the name.

        Raises
        ------
        NusegError
            Two images fit one annotation, or two annotations one image.
        """
        of = key or (lambda file: (self.split_of(file), file.stem))
        left, right = _by_key(images, of), _by_key(annotations, of)
        pairs = [(_only(left[same]), _only(right[same])) for same in left if same in right]
        homes = {file.path.parent for pair in pairs for file in pair}
        lone_images = [file for same, files in left.items() if same not in right for file in files]
        lone_annotations = [file for same, files in right.items() if same not in left for file in files]
        strays = [file for file in lone_images if file.path.parent not in homes]
        return Content(
            items=tuple(self.item(image.stem, image, Entry(annotation.path)) for image, annotation in pairs),
            format=kind,
            unpaired_images=tuple(file.path for file in lone_images if file.path.parent in homes),
            unpaired_annotations=tuple(Entry(file.path) for file in lone_annotations if file.path.parent in homes),
            warnings=_of_strays(strays),
        )

    def item(self, name: str, image: File, annotation: Entry) -> PublicItem:
        """Make the item of an image file with its annotation."""
        return PublicItem(name, image.path, annotation, self.split_of(image), self.group_of(name), self.mpp_of(image))

    def read(self, tree: Tree) -> Content:
        """Find images and annotations, with one name for each image.

        Raises
        ------
        NusegError
            See `content`; or there is none, and the message says what is expected and what was found.
        """
        content = self.content(tree)
        if not content.items:
            raise NusegError(
                f"{tree}: no {self.title} found; expected {self.layout}; found {shortened(tree.found)}; "
                "name the folder or archive that holds it"
            )
        return content


def pictures(tree: Tree, within: str = "", without: str = "") -> list[File]:
    """Give the files of pictures, see `Tree.select`."""
    return tree.select(IMAGE_SUFFIXES, within, without)


def _by_key(files: Sequence[File], key: Callable[[File], Hashable]) -> dict[Hashable, list[File]]:
    found: dict[Hashable, list[File]] = {}
    for file in files:
        found.setdefault(key(file), []).append(file)
    return found


def _only(files: Sequence[File]) -> File:
    if len(files) > 1:
        raise NusegError(f"{files[1].path}: is there twice, also as {files[0].path}; name the folder of one copy")
    return files[0]


def _of_strays(files: Sequence[File]) -> tuple[str, ...]:
    if not files:
        return ()
    return (
        f"{plural(len(files), 'image')} in folders without any annotation of the dataset, such as {files[0].path}: "
        "left out",
    )
