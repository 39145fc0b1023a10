"""The table of nuclei: one row of measures for each."""

import numpy as np
import pandas as pd

from nuseg.measure.outline import outlines
from nuseg.measure.probability import Calibration, calibrated_probability
from nuseg.measure.shape import ellipses, perimeters, solidities
from nuseg.measure.stain import DENSITY_OF_VALUE, UNMIX

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
    polygons = outlines(labels) if polygons is None else polygons
    measures = measures_of(labels, image, raw_probability, mpp, polygons, origin, calibration)
    return pd.DataFrame(measures, columns=list(COLUMNS))


def measures_of(
    labels: np.ndarray,
    image: np.ndarray,
    raw_probability: np.ndarray,
    mpp: float,
    polygons: list[np.ndarray],
    origin: tuple[int, int],
    calibration: Calibration,
) -> dict[str, np.ndarray]:
    """Measure as `measure_nuclei` does, without a table: for few nuclei pandas takes longer than all the measures."""
    count = len(polygons)
    inside = np.flatnonzero(labels)
    owner = labels.ravel()[inside].astype(np.intp)  # what bincount would convert to each time
    y = inside // labels.shape[1]
    x = inside - y * labels.shape[1]  # divmod takes three times as long
    area = np.bincount(owner, minlength=count + 1)[1:]
    shape = ellipses(owner, x + origin[1], y + origin[0], count)

    # Unmixing is linear, so the mean density of a nucleus is unmixed, not that of every pixel.
    colours = image.reshape(-1, 3).take(inside, axis=0)
    sums = [np.bincount(owner, DENSITY_OF_VALUE[colours[:, c]], count + 1)[1:] for c in range(3)]
    haematoxylin, eosin = (sum(sums[c] / area * UNMIX[c, stain] for c in range(3)) for stain in range(2))

    mean_raw = np.bincount(owner, raw_probability.ravel()[inside], count + 1)[1:] / area
    return {
        "id": np.arange(1, count + 1),
        "x_px": shape["x"],
        "y_px": shape["y"],
        "x_um": shape["x"] * mpp,
        "y_um": shape["y"] * mpp,
        "area_px": area,
        "area_um2": area * mpp**2,
        "perimeter_um": perimeters(labels, count) * mpp,
        "diameter_um": np.sqrt(4 / np.pi * area) * mpp,
        "major_axis_um": shape["major"] * mpp,
        "minor_axis_um": shape["minor"] * mpp,
        "eccentricity": shape["eccentricity"],
        "solidity": solidities(polygons, area),
        "haematoxylin_od": haematoxylin,
        "eosin_od": eosin,
        "probability": calibrated_probability(mean_raw, calibration),
    }
