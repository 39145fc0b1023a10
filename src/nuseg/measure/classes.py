"""Classes of nuclei: the columns that tables have of them, their colours, the calibration of their probabilities."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from nuseg.strict import Strict
from nuseg.types import Floats, Integers

CLASS, PROBABILITY = "class", "probability_"
"""Column of the class, and what the columns of probabilities begin with: `probability_NAME`."""

MAP = "class:"  # what the names of class maps begin with
FAINT = 1e-4  # lowest share of a class in the maps of a nucleus: less is rounding

Colour = tuple[int, int, int]

# Hues that H&E leaves free, and that are told apart with any colour vision: Okabe and Ito, "Color universal design",
# 2008, made more vivid where a thin line has to be seen on pink or violet.
PALETTE: tuple[Colour, ...] = (
    (255, 214, 0),
    (0, 114, 255),
    (0, 200, 83),
    (255, 110, 0),
    (86, 216, 233),
    (204, 60, 200),
    (0, 0, 0),
    (213, 30, 0),
)
# Names by which the classes of usual datasets go: each has the same colour in whatever order classes are listed.
USUAL: dict[str, Colour] = {
    "epithelial": (255, 214, 0),
    "inflammatory": (0, 114, 255),
    "lymphocyte": (0, 114, 255),
    "spindle-shaped": (0, 200, 83),
    "stromal": (0, 200, 83),
    "connective": (0, 200, 83),
    "neoplastic": (213, 30, 0),
    "tumour": (213, 30, 0),
    "dead": (0, 0, 0),
    "other": (150, 150, 150),
}


def check_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names of classes that cannot be columns of a table.

    Raises
    ------
    ValueError
        One is empty, has a character that cannot be printed or a space at an end, or occurs twice.
    """
    for name in names:
        if not name or name != name.strip() or not name.isprintable():
            raise ValueError(f"expected names that can be printed, without spaces at their ends, found {name[:60]!r}")
    if len(set(names)) < len(names):
        raise ValueError("expected each name once")
    return names


ClassNames = Annotated[tuple[Annotated[str, Field(max_length=100)], ...], AfterValidator(check_names)]
"""Names of classes, each once."""


class ClassCalibration(Strict):
    """From the mean class maps of a nucleus to the probabilities of its classes: each to the power 1 / temperature."""

    temperature: float = Field(
        1.0, ge=0.05, le=20, description="above 1: the class maps are surer than they are right; below 1: less sure"
    )


def probability_column(name: str) -> str:
    """Name of the column with the probability of a class."""
    return PROBABILITY + name


def class_columns(classes: Sequence[str]) -> dict[str, str]:
    """Columns that tables have of classes beside `nuseg.measure.nuclei.COLUMNS`, with what they mean; none without."""
    if not classes:
        return {}
    meaning = {probability_column(name): f"chance that it is of the class {name}: calibrated, 0..1" for name in classes}
    return {**meaning, CLASS: "the most probable class"}


def classes_in(columns: Sequence[str]) -> tuple[str, ...]:
    """Names of the classes that a table with these columns knows, in their order."""
    return tuple(name.removeprefix(PROBABILITY) for name in columns if name.startswith(PROBABILITY))


def class_colours(classes: Sequence[str]) -> dict[str, Colour]:
    """Colour of each class, the same in every output: red, green, blue, 0..255.

    Usual names have colours of their own; the others, in the order of the alphabet, take those of the palette that are
    left. So the order in which classes are listed does not matter.
    """
    colours = {name: USUAL[name.lower()] for name in classes if name.lower() in USUAL}
    free = [colour for colour in PALETTE if colour not in colours.values()] or list(PALETTE)
    others = sorted({*classes} - {*colours})
    colours |= {name: free[place % len(free)] for place, name in enumerate(others)}
    return {name: colours[name] for name in classes}


def hexadecimal(colour: Colour) -> str:
    """A colour as a text such as "#ff0000"."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def class_probabilities(shares: Floats, calibration: ClassCalibration) -> Floats:
    """Probability of each class, of the mean class maps over nuclei.

    Source: temperature scaling, Guo et al., "On calibration of modern neural networks", ICML 2017. The most probable
    class stays the same.

    Parameters
    ----------
    shares : (n, classes) float64
        At least 0.
    calibration : ClassCalibration
        Of the model.

    Returns
    -------
    (n, classes) float64
        Rows add up to 1.
    """
    powers = np.maximum(shares, FAINT) ** (1 / calibration.temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def most_probable(probabilities: Floats) -> Integers:
    """Index of the most probable class of each nucleus, `(n,)`; of equals the first."""
    return np.asarray(probabilities.argmax(axis=1) if probabilities.size else np.zeros(len(probabilities), np.intp))
