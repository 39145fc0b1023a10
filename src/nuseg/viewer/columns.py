"""The measures of nuclei as the page shows them: names, units, ranges, classes and their colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nuseg.measure.classes import CLASS, class_colours, hexadecimal

SHOWN = {
    "area_um2": ("Area", "µm²"),
    "perimeter_um": ("Perimeter", "µm"),
    "diameter_um": ("Diameter", "µm"),
    "major_axis_um": ("Long axis", "µm"),
    "minor_axis_um": ("Short axis", "µm"),
    "eccentricity": ("Eccentricity", ""),
    "solidity": ("Solidity", ""),
    "haematoxylin_od": ("Haematoxylin", "OD"),
    "eosin_od": ("Eosin", "OD"),
    "probability": ("Probability", ""),
}
"""Measures of `nuseg.measure.nuclei.COLUMNS` that nuclei are coloured and filtered by: name and unit for the eye."""

PLACES = {"x": ("x", "px"), "y": ("y", "px")}


def described(name: str, values: np.ndarray, classes: Sequence[str] = ()) -> dict[str, Any]:
    """Describe a column to the page: what it is called, its unit, range and classes.

    Parameters
    ----------
    name : str
    values : (n,) float
        NaN where it is not known.
    classes : sequence of str
        Of the column `class`, whose values are places in it.
    """
    if name == CLASS:
        named = coloured(classes)
        return {"name": name, "label": "Class", "unit": "", "kind": "class", "min": -1.0,
                "max": float(len(classes) - 1), "classes": named}  # fmt: skip
    label, unit = (SHOWN | PLACES)[name]
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return {"name": name, "label": label, "unit": unit, "kind": "number", "min": low, "max": high, "classes": []}


def coloured(classes: Sequence[str]) -> list[dict[str, str]]:
    """Give every class its colour, that of overlays and of QuPath's detections."""
    return [{"name": name, "color": hexadecimal(colour)} for name, colour in class_colours(classes).items()]
