"""What an annotation format must do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.errors import NusegError
from nuseg.text import in_short
from nuseg.types import RGB

T = TypeVar("T")

SURE = 1.0
"""The content can be nothing else."""
LIKELY = 0.5
"""The content fits, and would fit another format less well."""
BY_NAME = 0.1
"""Only the file's name speaks for it: so that a damaged file is read, and its error said."""

UNNAMED = "nucleus"
"""Written for a nucleus without a class where a format must have one, and read from there as none."""


@dataclass(frozen=True)
class Sniff:
    """How sure a format is that a file is its own, from 0 to 1, and the reason: "a.tif has 3 different labels"."""

    sure: float
    reason: str


class AnnotationFormat(ABC):
    """One way in which annotations are stored: subclass it, and give an instance to the registry.

    Attributes
    ----------
    name : str
        How users name it where they give a format.
    help : str
        What it is, in a few words without a full stop, for the list of formats.
    suffixes : tuple of str
        Endings of its files in lower case, with the dot: (".geojson", ".geojson.gz"). Empty for folders.
    needs : (module, requirement) or None
        Module beyond nuseg's own that reading and writing import, and what to install for it:
        ("roifile", "nuseg[imagej]").
    written_suffixes : tuple of str
        Those of `suffixes` that it is written with, the usual one first; empty: all of them.
    kept, lost : str
        What a file holds beside the outlines or pixels ("classes, ids, colours"), and what of an `Annotation` it has no
        place for; for the table of formats.
    convention : str
        Where the coordinates 0, 0 lie, in a few words.
    has_classes : bool
        Whether classes travel through it.
    numbers_classes : bool
        Whether a class is a number whose meaning all files of a set share, so that `Annotation.vocabulary` must be that
        of the set.
    raster : bool
        Whether it is written of `Annotation.labels`, so that polygons have to be drawn first.
    has_points : bool
        Whether nuclei that are points can be written.
    needs_shape, keeps_shape : bool
        Whether the image's size (`Annotation.canvas`) must be known to write it; whether the file says it where it is.
    folder_entries : tuple of str
        What the folder holds that `write_images` writes; empty where it writes a file.
    """

    name: str
    help: str
    suffixes: tuple[str, ...] = ()
    needs: tuple[str, str] | None = None
    written_suffixes: tuple[str, ...] = ()
    kept: str = ""
    lost: str = ""
    convention: str = ""
    has_classes: bool = False
    numbers_classes: bool = False
    raster: bool = False
    has_points: bool = False
    needs_shape: bool = False
    keeps_shape: bool = False
    folder_entries: tuple[str, ...] = ()

    @abstractmethod
    def sniff(self, path: Path) -> Sniff | None:
        """Say how sure it is that `path` is of this format; None if it is not.

        Every format is asked of every file: look at little, and import nothing large.
        """

    @abstractmethod
    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read what was drawn on one image.

        Parameters
        ----------
        path : Path
        image : str
            One of the names of `index`; for a file of one image, the name of that image.
        shape : (h, w) or None
            Size of the image, where it is known; what the file itself states is checked by the caller.

        Raises
        ------
        NusegError
            Naming the file. Any other exception is taken for a damaged file.
        """

    def index(self, path: Path) -> list[str] | None:
        """Name the images that a file holds annotations of; None if it is one image, named as the file."""
        return None

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write an annotation of one image, whole or not at all (`nuseg.io.atomic`).

        Raises
        ------
        NusegError
            This format is only read.
        """
        raise NusegError(f"{path}: the annotation format {self.name} can be read but not written; choose another")

    def read_over(self, path: Path, image: str, canvas: Canvas) -> Annotation:
        """Read as `read`, for formats that depend on more of the image than its size: `canvas` is what is known."""
        return self.read(path, image, canvas.shape)

    def read_without(self, path: Path, image: str, shape: tuple[int, int] | None, number: int) -> Annotation:
        """Read as `read`, for pictures of numbers, of which one means that nothing is known: that becomes `vague`.

        Raises
        ------
        NusegError
            This format has no numbers of pixels.
        """
        raise NusegError(
            f"{path}: the annotation format {self.name} is no picture of numbers, of which one could be ignored "
            "(ignore_label=); name classes in place of it: ignore_class="
        )

    def write_images(self, annotations: Iterable[Annotation], path: Path) -> None:
        """Write what was drawn on many images as one file or folder; `Annotation.canvas` says which image.

        Raises
        ------
        NusegError
            A file of this format holds one image.
        """
        raise NusegError(f"{path}: a file of the annotation format {self.name} holds one image; name a folder")

    def pixels(self, path: Path, image: str) -> RGB | None:
        """Give the pixels of an image, of formats that keep them beside the annotations; None if they are not there."""
        return None

    def file_name(self, stem: str, suffix: str) -> str:
        """Name the file, or the folder, that is written for an image of the name `stem`; `suffix` is one of its own."""
        return f"{stem}{suffix}"

    @property
    def writable(self) -> bool:
        """Whether it can be written."""
        return self.many_written or type(self).write is not AnnotationFormat.write

    @property
    def many_read(self) -> bool:
        """Whether one file may hold many images."""
        return type(self).index is not AnnotationFormat.index

    @property
    def many_written(self) -> bool:
        """Whether many images are written as one file or folder."""
        return type(self).write_images is not AnnotationFormat.write_images

    def find(self, folder: Path) -> list[Path]:
        """List what may be of this format in a folder: by default its files with one of the suffixes, sorted."""
        return sorted(file for file in folder.iterdir() if self.claims(file))

    def claims(self, path: Path) -> bool:
        """Say whether a file is visible and has one of the suffixes."""
        name = path.name.lower()
        return name.endswith(self.suffixes) and not name.startswith(".") and path.is_file()

    @property
    def installed(self) -> bool:
        """Whether what it needs is there."""
        return self.needs is None or find_spec(self.needs[0].partition(".")[0]) is not None

    def require(self) -> None:
        """Say what to install where `needs` is missing.

        Raises
        ------
        NusegError
        """
        if self.needs is not None and not self.installed:
            module, requirement = self.needs
            raise NusegError(f"annotation format {self.name}: needs {module}: pip install '{requirement}'")

    def load(
        self, path: Path, image: str, shape: tuple[int, int] | None = None, canvas: Canvas | None = None
    ) -> Annotation:
        """Read what was drawn on one image, as `read`; every problem becomes a NusegError that names the file.

        Parameters
        ----------
        path, image, shape
            See `read`.
        canvas : Canvas, optional
            What else is known of the image.
        """
        where = Canvas(shape=shape).over(canvas or Canvas())
        return self._safely(path, lambda: self.read_over(path, image, where))

    def load_without(self, path: Path, image: str, shape: tuple[int, int] | None, number: int) -> Annotation:
        """Read as `read_without`; every problem becomes a NusegError that names the file."""
        return self._safely(path, lambda: self.read_without(path, image, shape, number))

    def images(self, path: Path) -> list[str] | None:
        """Name the images in a file, as `index`; every problem becomes a NusegError that names the file."""
        return self._safely(path, lambda: self.index(path))

    def load_pixels(self, path: Path, image: str) -> RGB | None:
        """Give the pixels of an image, as `pixels`; every problem becomes a NusegError that names the file."""
        return self._safely(path, lambda: self.pixels(path, image))

    def _safely(self, path: Path, read: Callable[[], T]) -> T:
        """Read, and say every problem in one line that names the file."""
        self.require()
        try:
            return read()
        except NusegError:
            raise
        except Exception as problem:
            reason = in_short(problem)
            raise NusegError(f"{path}: cannot be read as {self.name} ({reason}); export it again") from problem
