"""What a check says is wrong, with the places in images that show it."""

from dataclasses import dataclass
from typing import Any, Literal

from nuseg.types import Floats

Box = tuple[int, int, int, int]
"""Part of an image: top, left, bottom, right (px); the last two lie outside."""

Level = Literal["warning", "note"]


@dataclass(frozen=True, eq=False)
class View:
    """A picture that shows a finding: an image, or a part of it, with outlines.

    Attributes
    ----------
    image : str
        Name of the image in the dataset.
    caption : str
    box : Box or None
        None for the whole image.
    nuclei : tuple of int
        Numbers of the nuclei that the finding is about.
    found : tuple of (k, 2) float64
        Outlines of nuclei that the model found, x and y (px).
    shift : (down, right)
        How far the labels are drawn from where they are (px).
    outlined : bool
        Whether labels are drawn.
    """

    image: str
    caption: str = ""
    box: Box | None = None
    nuclei: tuple[int, ...] = ()
    found: tuple[Floats, ...] = ()
    shift: tuple[float, float] = (0.0, 0.0)
    outlined: bool = True

    def record(self) -> dict[str, Any]:
        """Give what JSON can hold: image, box and numbers of nuclei."""
        box = None if self.box is None else [int(side) for side in self.box]
        return {"image": self.image, "box": box, "nuclei": [int(number) for number in self.nuclei]}


@dataclass(frozen=True, eq=False)
class Finding:
    """Something wrong, or worth a look.

    Attributes
    ----------
    check : str
        Name of the check that found it.
    level : "warning" or "note"
        A warning is to be acted on; a note is to be looked at.
    images : tuple of str
        Names of the images that it is about.
    text : str
        What is wrong, in one sentence.
    advice : str
        What to do.
    views : tuple of View
        Where it can be seen, the clearest first; may be empty.
    """

    check: str
    level: Level
    images: tuple[str, ...]
    text: str
    advice: str
    views: tuple[View, ...] = ()

    def record(self) -> dict[str, Any]:
        """Give the finding as JSON can hold it."""
        return {
            "check": self.check,
            "level": self.level,
            "images": list(self.images),
            "text": self.text,
            "advice": self.advice,
            "places": [view.record() for view in self.views],
        }
