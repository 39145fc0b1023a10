"""What was told of the nuclei of one image."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nuseg.classification.files import AGAIN, ImageResult
from nuseg.classification.findings import Finding
from nuseg.errors import NusegError
from nuseg.io.source import Source
from nuseg.measure.class_counts import ClassCount, count_classes
from nuseg.measure.classes import Colour, class_colours
from nuseg.types import Floats, Integers


@dataclass(frozen=True, eq=False)
class Told:
    """Classes of the nuclei of one image.

    Attributes
    ----------
    result : ImageResult
        Where the nuclei are.
    source : Source, optional
        The image, where it is at hand.
    ids : (n,) int64
        Their numbers, ascending.
    places : (n, 2) float64
        Centroids in px of level 0.
    classes : (n,) int64
        Place of the class of each in `names`.
    probabilities : (n, classes) float64
    names : tuple of str
        Classes.
    about : dict
        Which classifier, for the records in files.
    findings : tuple of Finding
        What makes the classes of this image uncertain.
    """

    result: ImageResult
    source: Source | None
    ids: Integers
    places: Floats
    classes: Integers
    probabilities: Floats
    names: tuple[str, ...]
    about: dict[str, Any]
    findings: tuple[Finding, ...] = ()

    @property
    def colours(self) -> dict[str, Colour]:
        """Red, green, blue (0..255) of each class, as in all results."""
        return class_colours(self.names)

    @property
    def notes(self) -> list[str]:
        """The findings in words."""
        return [finding.note for finding in self.findings]

    @cached_property
    def counts(self) -> list[ClassCount]:
        """Nuclei of each class, over the area that the summary counts over."""
        found = np.bincount(self.classes, minlength=len(self.names)).tolist()
        error = self.result.record.count_error
        return count_classes(dict(zip(self.names, found, strict=True)), self.result.row.area_mm2 or 0.0, error)

    def rows_of(self, where: object, numbers: Integers) -> Integers:
        """Rows of nuclei by their numbers; `where` they are listed.

        Raises
        ------
        NusegError
            There is no such nucleus.
        """
        rows = np.searchsorted(self.ids, numbers)
        known = len(self.ids) > 0 and (self.ids[np.minimum(rows, len(self.ids) - 1)] == numbers).all()
        if len(numbers) and not known:
            raise NusegError(f"{where}: expected the nuclei of its table, found others; {AGAIN}")
        return rows
