"""How well a network tells classes on whole images: to choose the epoch by, to calibrate, and to report."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from nuseg.annotations.tables import Points
from nuseg.datasets.dataset import Dataset, Item, load_ignore, load_item, load_pixels, load_points, load_table
from nuseg.evaluation.classes import Confusion, class_scores, confuse
from nuseg.evaluation.detection import RADIUS_UM, detect, detection_scores, points_of
from nuseg.evaluation.report import without_scores
from nuseg.measure.classes import CLASS, FAINT, ClassCalibration, probability_column
from nuseg.segmentation.segmenter import Segmenter
from nuseg.types import Floats, Integers, Mask

FEWEST = 50  # nuclei; fewer say nothing
LOWEST, HIGHEST = 0.2, 5.0  # temperatures that are tried


def true_points(item: Item) -> Points:
    """The annotated nuclei of an image as points with classes."""
    if item.label is None:
        return load_points(item)
    _, labels = load_item(item)
    table = load_table(item)
    known = dict(zip(table.labels.tolist(), table.classes, strict=True))
    present = np.unique(labels[labels > 0]).tolist()
    return points_of(labels, [known.get(number) for number in present])


def found_points(nuclei: pd.DataFrame) -> Points:
    """The nuclei of a result as points with classes."""
    names = nuclei[CLASS].tolist() if CLASS in nuclei else [None] * len(nuclei)
    return Points(nuclei[["x_px", "y_px"]].to_numpy(float), tuple(names))


def confuse_item(item: Item, nuclei: pd.DataFrame, shape: tuple[int, int]) -> Confusion | None:
    """Count the classes of what was found in an annotated image of `shape` (height, width)."""
    return confuse(true_points(item), found_points(nuclei), RADIUS_UM / item.mpp, load_ignore(item, shape))


def scores_of_classes(item: Item, nuclei: pd.DataFrame, ignore: Mask) -> dict[str, float]:
    """Scores of the classes in an annotated image; none where it has no classes."""
    found = confuse(true_points(item), found_points(nuclei), RADIUS_UM / item.mpp, ignore)
    return {} if found is None else without_scores(class_scores(found), ignore)


def points_scores(segmenter: Segmenter, item: Item) -> dict[str, float]:
    """Scores of detection, and of classes, on an image whose nuclei are points."""
    pixels, true = load_pixels(item), load_points(item)
    ignore = load_ignore(item, (pixels.shape[0], pixels.shape[1]))
    nuclei = segmenter(pixels, item.mpp).nuclei
    scores = detection_scores(true, found_points(nuclei), RADIUS_UM / item.mpp, ignore)
    return without_scores(scores, ignore) | scores_of_classes(item, nuclei, ignore)


def fit_classes(segmenter: Segmenter, shown: Iterable[tuple[Item, Dataset]]) -> ClassCalibration:
    """Fit the temperature of class probabilities to the nuclei of validation images that were found.

    Parameters
    ----------
    segmenter
        Of a model whose classes are not calibrated.
    shown
        Validation images; each dataset weighs the same.

    Returns
    -------
    ClassCalibration
        Untouched where there are too few nuclei.
    """
    classes = segmenter.model.config.classes
    shares, numbers, owners = [], [], []
    for item, dataset in shown:
        pixels = load_pixels(item)
        nuclei = segmenter(pixels, item.mpp).nuclei
        true = true_points(item)
        ignore = load_ignore(item, (pixels.shape[0], pixels.shape[1]))
        found = detect(true.xy, nuclei[["x_px", "y_px"]].to_numpy(float), RADIUS_UM / item.mpp, ignore)
        known = found.true_found & np.isin(np.array(true.classes, object), classes)
        shares.append(nuclei[list(map(probability_column, classes))].to_numpy()[found.partner[known]])
        numbers.append(np.array([classes.index(name) for name in np.array(true.classes, object)[known]], np.intp))
        owners += [dataset.name] * int(known.sum())
    if len(owners) < FEWEST:
        return ClassCalibration()
    _, owner, count = np.unique(owners, return_inverse=True, return_counts=True)
    return fit_temperature(np.concatenate(shares), np.concatenate(numbers), 1 / count[owner])


def fit_temperature(shares: Floats, numbers: Integers, weight: Floats) -> ClassCalibration:
    """Find the temperature under which the true classes are most likely.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.

    Parameters
    ----------
    shares : (n, classes) float
        Mean class maps of each nucleus.
    numbers, weight : (n,) integer, (n,) float
        True class of each, from 0, and how much it counts.
    """
    logs = np.log(np.maximum(shares, FAINT))

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        likely = scaled[np.arange(len(scaled)), numbers] - np.logaddexp.reduce(scaled, axis=1)
        return float(-np.average(likely, weights=weight))

    best = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return ClassCalibration(temperature=round(float(np.exp(best.x)), 4))
