"""The columns of a table of nuclei: measures always, classes and annotated areas where there are some."""

from dataclasses import dataclass

from nuseg.measure.classes import CLASS, class_columns
from nuseg.measure.nuclei import COLUMNS as MEASURES
from nuseg.results import areas

TEXTS = (CLASS, *areas.COLUMNS)
"""Columns that hold text; they come last. All others hold numbers."""


@dataclass(frozen=True)
class Columns:
    """What the tables of a result hold of each nucleus; every table of it has the same columns in the same order.

    Attributes
    ----------
    classes : tuple of str
        That the model tells.
    annotated : bool
        Whether areas were annotated.
    """

    classes: tuple[str, ...] = ()
    annotated: bool = False

    @property
    def meanings(self) -> dict[str, str]:
        """What each column holds, in their order."""
        return {**MEASURES, **class_columns(self.classes), **(areas.COLUMNS if self.annotated else {})}

    @property
    def names(self) -> list[str]:
        """Of all columns, in their order."""
        return list(self.meanings)

    @property
    def texts(self) -> list[str]:
        """Those that hold text."""
        return [name for name in self.meanings if name in TEXTS]

    @property
    def numbers(self) -> list[str]:
        """Those that hold numbers, of which `id` alone is whole."""
        return [name for name in self.meanings if name not in TEXTS]

    @property
    def beside_measures(self) -> list[str]:
        """Those beside the measures: of classes, and of annotated areas."""
        return [name for name in self.meanings if name not in MEASURES]
