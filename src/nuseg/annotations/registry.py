"""All annotation formats, by name, and the one that a file has."""

import logging
from pathlib import Path

from nuseg.annotations.format import AnnotationFormat, Sniff
from nuseg.errors import NusegError
from nuseg.registry import Registry

log = logging.getLogger("nuseg")

annotation_formats: Registry[AnnotationFormat] = Registry(
    "annotation format", "nuseg.annotations.formats", "FORMAT", "nuseg.annotations"
)
"""Other packages add to it by entry points of the group `nuseg.annotations`, programs by `register`."""


def sniffed(kind: AnnotationFormat, path: Path) -> Sniff | None:
    """Say how sure a format is of a file or folder; None, also where it fails on it."""
    try:
        return kind.sniff(path)
    except Exception as problem:  # a file made for another format must not end the search
        log.debug("%s: not taken for %s: %s", path, kind.name, problem)
        return None


def recognise(path: Path) -> tuple[AnnotationFormat, Sniff] | None:
    """Find the format that is surest of a file or folder, and how sure; None if none takes it for its own."""
    found = [(kind, sniff) for kind in annotation_formats.values() if (sniff := sniffed(kind, path)) is not None]
    return max(found, key=lambda pair: pair[1].sure, default=None)


def format_of(path: Path) -> AnnotationFormat:
    """Find the format of a file or folder.

    Raises
    ------
    NusegError
        None takes it for its own.
    """
    found = recognise(path)
    if found is None:
        what = "annotations" if path.exists() else "an annotation file, found none"
        raise NusegError(f"{path}: expected {what} in one of the formats {', '.join(annotation_formats)}")
    return found[0]
