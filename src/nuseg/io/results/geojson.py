"""Nuclei as QuPath detections in GeoJSON.

QuPath reads such a file by drag and drop or File > Import objects. Coordinates are pixels of the full image
from its upper left corner, as QuPath counts them."""

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nuseg.io.atomic import atomic_path

CLASSIFICATION = {"name": "Nucleus", "color": [0, 255, 0]}

# Column of the table: name in QuPath, which writes units so.
MEASUREMENTS = {
    "area_um2": "Area µm^2",
    "perimeter_um": "Perimeter µm",
    "diameter_um": "Equivalent diameter µm",
    "major_axis_um": "Major axis µm",
    "minor_axis_um": "Minor axis µm",
    "eccentricity": "Eccentricity",
    "solidity": "Solidity",
    "haematoxylin_od": "Haematoxylin OD mean",
    "eosin_od": "Eosin OD mean",
    "probability": "Probability",
}


def feature(number: int, polygon: np.ndarray, measures: Mapping[Hashable, float]) -> dict[str, Any]:
    """Make one detection: a polygon (k, 2) of x, y, closed here, with its measures."""
    ring = polygon.tolist()
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "objectType": "detection",
            "name": str(number),
            "classification": CLASSIFICATION,
            "measurements": measures,
        },
    }


def write(polygons: list[np.ndarray], nuclei: pd.DataFrame, path: Path) -> None:
    """Write a GeoJSON FeatureCollection of detections, whole or not at all.

    Parameters
    ----------
    polygons : list of N (k, 2) float
        Outlines, x and y in pixels.
    nuclei : pandas.DataFrame
        Their measures, in the same order; `id` becomes the object's name, so that table and QuPath agree.
    path : Path
        Where to write.
    """
    rows = nuclei[list(MEASUREMENTS)].rename(columns=MEASUREMENTS).round(4).to_dict("records")
    features = [
        feature(number, polygon, measures)
        for number, polygon, measures in zip(nuclei["id"].tolist(), polygons, rows, strict=True)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"), ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
