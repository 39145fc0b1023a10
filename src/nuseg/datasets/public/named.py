"""Annotation formats with the class names of a dataset in place of its numbers, and with its vague regions."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.classes import ClassNames
from nuseg.annotations.format import AnnotationFormat, Sniff


class Named(AnnotationFormat):
    """A format read with other names of classes.

    Parameters
    ----------
    inner : AnnotationFormat
        What reads the files.
    names : mapping of str to str
        New names by old ones, in the order of the dataset's list of classes.
    vague : collection of str
        Classes whose polygons are no nuclei but regions where nuclei are not drawn one by one.
    """

    def __init__(
        self, inner: AnnotationFormat, names: Mapping[str, str] | None = None, vague: Collection[str] = ()
    ) -> None:
        self.inner, self.names, self.vague = inner, dict(names or {}), frozenset(vague)
        self.name, self.help, self.suffixes, self.needs = inner.name, inner.help, inner.suffixes, inner.needs
        self.has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise what the inner format does."""
        return self.inner.sniff(path)

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read as the inner format, then rename."""
        return self.read_over(path, image, Canvas(shape=shape))

    def read_over(self, path: Path, image: str, canvas: Canvas) -> Annotation:
        """Read as the inner format, then rename."""
        annotation = self._parted(self.inner.read_over(path, image, canvas))
        if not self.names:
            return annotation
        known = replace(annotation, vocabulary=annotation.vocabulary or tuple(self.names))
        return ClassNames(self.names).renamed(known)

    def _parted(self, annotation: Annotation) -> Annotation:
        """Move polygons of vague classes from the nuclei to the vague regions."""
        if annotation.polygons is None or annotation.classes is None or not self.vague:
            return annotation
        kept = [name not in self.vague for name in annotation.classes]
        regions = (
            area for area, name in zip(annotation.polygons, annotation.classes, strict=True) if name in self.vague
        )
        return replace(annotation.chosen(kept), vague=(*annotation.vague, *regions))
