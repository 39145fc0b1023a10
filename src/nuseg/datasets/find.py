"""Find annotations in a folder: which files, in which format, of which images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.registry import annotation_formats, recognise, sniffed
from nuseg.datasets.names import Entry
from nuseg.errors import NusegError

AUTO = "auto"
_LOOK_AT = 16


@dataclass(frozen=True)
class Found:
    """Annotations of one format.

    Attributes
    ----------
    entries : tuple of Entry
        One per annotated image.
    format : AnnotationFormat
    reason : str
        Why they are taken for that format: "a.tif has 3 different labels", "as given".
    """

    entries: tuple[Entry, ...]
    format: AnnotationFormat
    reason: str


def annotation_paths(place: Path, format: str = AUTO) -> list[Path]:
    """List what may be an annotation in a folder, sorted; files go before folders.

    A folder that a format takes as a whole, such as results or a dataset, is the only one.

    Parameters
    ----------
    place : Path
        A folder; or a file, which is then the only one.
    format : str
        Name of a registered annotation format, or "auto" for all. Where a given one has nothing, what the others
        would take is listed, so that reading it says what is wrong.

    Raises
    ------
    NusegError
        There is no such format.
    """
    if place.is_file():
        return [place]
    chosen = [] if format == AUTO else annotation_formats[format].find(place)
    found = chosen or sorted({path for kind in annotation_formats.values() for path in kind.find(place)})
    if place in found:
        return [place]
    return [path for path in found if path.is_file()] or found


def find_annotations(paths: Sequence[Path], format: str = AUTO) -> Found | None:
    """Find the annotations among files or folders.

    Of files in several formats, those count whose format is recognised with the most certainty: a stray JSON file
    beside label images does not matter.

    Returns
    -------
    Found or None
        None where no format takes any of them for its own.

    Raises
    ------
    NusegError
        There is no such format, or a file that names its images is damaged.
    """
    if format != AUTO:
        kind, reason = annotation_formats[format], "as given"
    else:
        recognised = detect_format(paths)
        if recognised is None:
            return None
        kind, reason = recognised[0], f"because {recognised[1].reason}"
        if len(paths) > 1:
            paths = [path for path in paths if path.is_dir() or kind.claims(path)]
    return Found(tuple(entry for path in paths for entry in _entries(path, kind, format != AUTO)), kind, reason)


def detect_format(paths: Sequence[Path]) -> tuple[AnnotationFormat, Sniff] | None:
    """Tell the format of annotations from some of them: the format that is surest of one, the earliest of equals."""
    best: tuple[AnnotationFormat, Sniff] | None = None
    for path in paths[:: max(1, len(paths) // _LOOK_AT)]:
        found = recognise(path)
        if found is not None and (best is None or found[1].sure > best[1].sure):
            best = found
        if best is not None and best[1].sure >= SURE:
            break
    return best


def _entries(path: Path, kind: AnnotationFormat, given: bool) -> list[Entry]:
    """Give what a path holds; nothing where the format, unless it was given, does not take the file for its own."""
    try:
        images = kind.images(path)
    except NusegError:
        if given or sniffed(kind, path) is not None:
            raise
        return []
    return [Entry(path)] if images is None else [Entry(path, image) for image in images]
