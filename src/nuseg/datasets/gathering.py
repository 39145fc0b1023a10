"""What a list of files, folders and archives holds in annotations, whatever their formats."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.archives import is_archive, unpacked
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.registry import annotation_formats, recognise
from nuseg.datasets.find import AUTO, annotation_paths, find_annotations
from nuseg.datasets.layout import IMAGE_FOLDERS
from nuseg.datasets.names import PICTURE_SUFFIXES, Entry, shorten, stem
from nuseg.errors import NusegError
from nuseg.io.find import list_files
from nuseg.io.opening import open_source

_DEEPEST = 8  # folders within folders


@dataclass(frozen=True)
class Given:
    """What one file holds of one image.

    Attributes
    ----------
    entry : Entry
    format : AnnotationFormat
    unpacked : (Path, Path) or None
        Archive that it comes from, and the folder that this is unpacked to.
    """

    entry: Entry
    format: AnnotationFormat
    unpacked: tuple[Path, Path] | None = None

    def __str__(self) -> str:
        return self.named(str(self.entry))

    def named(self, text: str) -> str:
        """Name the archive in a message in place of the folder that it is unpacked to."""
        return text if self.unpacked is None else text.replace(str(self.unpacked[1]), str(self.unpacked[0]))


def gather(
    inputs: Sequence[Path], format: str, images: Path | None, stack: ExitStack, failed: Callable[[str], None]
) -> Iterator[Given]:
    """Find all annotations.

    A folder gives those directly in it, in the format that is recognised with most certainty; if it has none, those of
    the folders in it, except for folders of images. An archive counts as the folder that it holds.

    Parameters
    ----------
    inputs : sequence of Path
    format : str
        Name of an annotation format, or "auto".
    images : Path, optional
        Folder of the images, whose pictures are no annotations.
    stack : ExitStack
        Removes unpacked archives when it closes.
    failed : function
        Told why an input, or a file in it, gives nothing.
    """
    for given in inputs:
        try:
            found = list(_of_path(given, format, images, stack))
        except NusegError as problem:
            failed(str(problem))
            continue
        if not found:
            listed = ", ".join(annotation_formats)
            failed(
                f"{given}: no annotations found in it; expected one of the formats {listed}, or name it: from_format="
            )
        yield from found


def _of_path(path: Path, format: str, images: Path | None, stack: ExitStack) -> Iterator[Given]:
    if not path.exists():
        raise NusegError(f"{path}: no such file or folder; check the path")
    if is_archive(path) and format == AUTO and recognise(path) is None:
        folder = stack.enter_context(unpacked(path))
        for given in _of_folder(folder, format, images):
            yield Given(given.entry, given.format, (path, folder))
    elif path.is_dir():
        yield from _of_folder(path, format, images)
    else:
        yield from _found([path], format)


def _of_folder(folder: Path, format: str, images: Path | None, depth: int = 0) -> Iterator[Given]:
    here = list(_found(annotation_paths(folder, format), format))
    if here or depth == _DEEPEST:
        yield from here
        return
    for inner in sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")):
        is_images = inner.name.lower() in IMAGE_FOLDERS or (images is not None and inner.resolve() == images.resolve())
        if not is_images:
            yield from _of_folder(inner, format, images, depth + 1)


def _found(paths: Sequence[Path], format: str) -> Iterator[Given]:
    found = find_annotations(paths, format) if paths else None
    for entry in found.entries if found is not None else ():
        assert found is not None
        yield Given(entry, found.format)


class Canvases:
    """The images that annotations were drawn on, found by name in a folder."""

    def __init__(self, folder: Path | None, mpp: float | None) -> None:
        self._mpp = mpp
        if folder is not None and not folder.is_dir():
            raise NusegError(f"images='{folder}': no such folder; expected one of images")
        files = list_files(folder, PICTURE_SUFFIXES) if folder is not None else []
        self._files = {stem(file): file for file in files}
        self._short = {shorten(name): file for name, file in self._files.items()}

    def of(self, entry: Entry) -> Canvas:
        """Say what is known of an entry's image.

        Raises
        ------
        NusegError
            The image is damaged.
        """
        name = entry.stem
        path = self._files.get(name) or self._files.get(shorten(name)) or self._short.get(shorten(name))
        if path is None:
            return Canvas(mpp=self._mpp)
        with open_source(path) as source:
            mpp = self._mpp if self._mpp is not None else source.mpp
            return Canvas(path.name, (source.height, source.width), mpp, path)

    def on(self, annotation: Annotation, known: Canvas) -> Canvas:
        """Join what the image and what the annotation say of it.

        Raises
        ------
        ValueError
            They contradict one another in size.
        """
        if known.shape is not None and annotation.shape is not None and annotation.shape != known.shape:
            (height, width), (label_height, label_width) = known.shape, annotation.shape
            raise ValueError(
                f"the annotation is {label_width}x{label_height} but the image {known.name} is {width}x{height} "
                "(width x height)"
            )
        return Canvas(shape=annotation.shape).over(known).over(annotation.canvas)
