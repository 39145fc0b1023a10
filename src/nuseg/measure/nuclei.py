"""The table of nuclei: one row of measures for each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nuseg.measure.borders import Borders
from nuseg.measure.outline import Rings, rings_of
from nuseg.measure.probability import Calibration, calibrated_probability
from nuseg.measure.shape import ellipses, perimeters, solidities
from nuseg.measure.stain import UNMIX, optical_density

COLUMNS = {
    "id": "label of the nucleus, 1..N",
    "x_px": "centroid, from the left edge of the image (px)",
    "y_px": "centroid, from the upper edge of the image (px)",
    "x_um": "centroid, from the left edge of the image (um)",
    "y_um": "centroid, from the upper edge of the image (um)",
    "area_px": "area (px)",
    "area_um2": "area (um2)",
    "perimeter_um": "perimeter by Crofton's formula in four directions (um)",
    "diameter_um": "diameter of the circle of equal area (um)",
    "major_axis_um": "long axis of the ellipse with the same second moments (um)",
    "minor_axis_um": "short axis of that ellipse (um)",
    "eccentricity": "of that ellipse: 0 circle .. 1 line",
    "solidity": "share of the pixels of its convex hull that it fills, 0..1",
    "haematoxylin_od": "mean optical density of haematoxylin",
    "eosin_od": "mean optical density of eosin",
    "probability": "chance that it is a nucleus, outlined about rightly: calibrated, 0..1",
}


def measure_nuclei(
    labels: np.ndarray,
    image: np.ndarray,
    raw_probability: np.ndarray,
    mpp: float,
    polygons: list[np.ndarray] | None = None,
    origin: tuple[int, int] = (0, 0),
    calibration: Calibration = Calibration(),
) -> pd.DataFrame:
    """Measure every nucleus.

    The measures of a nucleus are the same to the last bit wherever it lies in the image.

    Parameters
    ----------
    labels : (h, w) integer
        Label image 0..N, all of them present, each nucleus one 4-connected piece.
    image : (h, w, 3) uint8
        RGB pixels.
    raw_probability : (h, w) float32
        Mean of mask probability and distance, 0..1.
    mpp : float
        Resolution (um/px).
    polygons : list of (k, 2) float64, optional
        `outlines(labels)`, where they are at hand.
    origin : tuple of int
        Row and column of the first pixel, in the image that coordinates count from.
    calibration : Calibration
        Of the model; without one, `probability` is the mean raw probability.

    Returns
    -------
    pandas.DataFrame
        One row per nucleus in label order; the columns of `COLUMNS`, which says what they are.
    """
    borders = Borders.of(labels)
    rings = rings_of(borders) if polygons is None else Rings.of(polygons)
    measures = measures_of(Traced(borders, rings), image, raw_probability, mpp, np.array([origin]), calibration)
    return pd.DataFrame(measures, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class Traced:
    """The nuclei of a label image: their borders and their outlines."""

    borders: Borders
    rings: Rings


def measures_of(
    nuclei: Traced,
    image: np.ndarray,
    raw_probability: np.ndarray,
    mpp: float,
    origins: np.ndarray,
    calibration: Calibration,
) -> dict[str, np.ndarray]:
    """Measure as `measure_nuclei` does, without a table: for few nuclei pandas takes longer than all the measures.

    `origins`, `(1, 2)` or `(n, 2)` integer, holds row and column that coordinates of all or of each count from.
    """
    count, runs = len(nuclei.rings), nuclei.borders.runs
    area = runs.totals(runs.length, count).astype(np.int64)
    shape = ellipses(runs, origins, count)

    # Unmixing is linear, so the mean density of a nucleus is unmixed, not that of every pixel.
    colours = image.reshape(-1, 3).take(runs.pixels, axis=0)
    density = optical_density(colours) if count else colours  # OpenCV takes no empty arrays
    sums = [runs.sums(density[:, c], count) for c in range(3)]
    haematoxylin, eosin = (sum(sums[c] / area * UNMIX[c, stain] for c in range(3)) for stain in range(2))

    mean_raw = runs.sums(raw_probability.take(runs.pixels), count) / area
    return {
        "id": np.arange(1, count + 1),
        "x_px": shape["x"],
        "y_px": shape["y"],
        "x_um": shape["x"] * mpp,
        "y_um": shape["y"] * mpp,
        "area_px": area,
        "area_um2": area * mpp**2,
        "perimeter_um": perimeters(nuclei.borders, count) * mpp,
        "diameter_um": np.sqrt(4 / np.pi * area) * mpp,
        "major_axis_um": shape["major"] * mpp,
        "minor_axis_um": shape["minor"] * mpp,
        "eccentricity": shape["eccentricity"],
        "solidity": solidities(nuclei.rings, area),
        "haematoxylin_od": haematoxylin,
        "eosin_od": eosin,
        "probability": calibrated_probability(mean_raw, calibration),
    }
