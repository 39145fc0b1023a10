"""A classifier learned from examples, and what it is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from nuseg.classification.forest import DEEPEST, Forest
from nuseg.classification.scores import Scores, score
from nuseg.errors import NusegError
from nuseg.measure.classes import ClassCalibration, class_probabilities
from nuseg.results.output import require_packages
from nuseg.text import plural, shortened
from nuseg.types import Floats, Integers

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import BaseCrossValidator

TREES = 100
LEAVES = 1024  # of a tree, at most: bounds the file, and matters with thousands of examples alone
FOLDS = 5
FEWEST = 3  # examples of a class: fewer cannot be told from chance
FEW = 20  # below which a class is warned about
TEMPERATURES = 0.2, 5.0  # between which the calibration is sought


@dataclass(frozen=True, eq=False)
class Examples:
    """What is learned from.

    Attributes
    ----------
    values : (n, m) float32
        Features.
    truth : (n,) int64
        Place of each example's class in `names`.
    images : (n,) int64
        Number of the image of each.
    names : tuple of str
        Classes.
    """

    values: Floats
    truth: Integers
    images: Integers
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of it.

    Attributes
    ----------
    forest : Forest
    calibration : ClassCalibration
    scores : Scores
        By cross-validation.
    told : (n, classes) float64
        Probabilities of the examples by cross-validation.
    warnings : tuple of str
        Why the scores, or some class, should not be trusted.
    """

    forest: Forest
    calibration: ClassCalibration
    scores: Scores
    told: Floats
    warnings: tuple[str, ...]


def check_classes(truth: Integers, names: Sequence[str]) -> Integers:
    """Count the examples of each class.

    Raises
    ------
    NusegError
        There are fewer than two classes, or than `FEWEST` examples of one.
    """
    counts = np.bincount(truth, minlength=len(names))
    listed = ", ".join(f"{count:,} {shortened(name, 40)}" for name, count in zip(names, counts.tolist(), strict=True))
    if len(names) < 2:
        raise NusegError(
            f"examples: expected two classes or more, found {listed or 'none'}; mark nuclei of another class"
        )
    if (counts < FEWEST).any():
        raise NusegError(
            f"examples: expected {FEWEST} nuclei or more of every class, found {listed}; mark more of them, or none"
        )
    return counts


def learn(examples: Examples, seed: int, tell: Callable[[int, int], None] = lambda done, total: None) -> Learned:
    """Grow a forest of examples, and score it by cross-validation.

    Each class weighs the same, however many examples it has. Of several images those of one are kept in one fold where
    every class is marked on two images or more, so that scores hold for images that were not marked. Probabilities are
    calibrated on folds that mix images: of few images, left out one by one, the trees are worse than those grown of
    all, and would make the probabilities too small.

    Parameters
    ----------
    examples : Examples
    seed : int
        The same seed gives the same forest.
    tell : function
        Called with the steps that are done, and how many there are.

    Raises
    ------
    NusegError
        scikit-learn is not installed, or there are too few examples.
    """
    require_packages("learning from examples", ("sklearn",), "classify")
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    counts = check_classes(examples.truth, examples.names)
    images, shared = len(np.unique(examples.images)), min_images(examples)
    folds = int(min(FOLDS, counts.min()))
    tell(0, 3)
    mixed = out_of_fold(examples, StratifiedKFold(folds, shuffle=True, random_state=seed), None, seed)
    calibration = calibrate(mixed, examples.truth)
    tell(1, 3)
    told, by_image = mixed, shared >= 2
    if by_image:
        folds = min(folds, images)
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        told = out_of_fold(examples, parts, examples.images, seed)
    tell(2, 3)
    probabilities = class_probabilities(told, calibration)
    forest = Forest.of(grow(examples.values, examples.truth, seed))
    tell(3, 3)
    scores = score(examples.names, examples.truth, probabilities, folds, by_image)
    return Learned(forest, calibration, scores, probabilities, warnings_of(examples, counts, shared))


def out_of_fold(examples: Examples, parts: "BaseCrossValidator", groups: Integers | None, seed: int) -> Floats:
    """Tell every example by trees that learned from the other folds: shares of classes, `(n, classes)` float64."""
    told = np.zeros((len(examples.truth), len(examples.names)))
    for own, left in parts.split(examples.values, examples.truth, groups):
        grown = grow(examples.values[own], examples.truth[own], seed)
        told[np.ix_(left, grown.classes_)] = grown.predict_proba(examples.values[left])
    return told


def min_images(examples: Examples) -> int:
    """On how many images the class is marked that is marked on fewest."""
    return min(len(np.unique(examples.images[examples.truth == place])) for place in range(len(examples.names)))


def grow(values: Floats, truth: Integers, seed: int) -> "ExtraTreesClassifier":
    """Grow a forest."""
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(
        TREES, max_depth=DEEPEST // 2, max_leaf_nodes=LEAVES, class_weight="balanced", random_state=seed
    )
    return forest.fit(values, truth)


def calibrate(told: Floats, truth: Integers) -> ClassCalibration:
    """Find the temperature at which examples of all classes, each weighed the same, are most probable."""
    weights = 1 / np.bincount(truth, minlength=told.shape[1])[truth]

    def loss(log_temperature: float) -> float:
        own = class_probabilities(told, ClassCalibration(temperature=float(np.exp(log_temperature))))
        return -float((weights * np.log(own[np.arange(len(truth)), truth])).sum())

    best = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x
    return ClassCalibration(temperature=round(float(np.exp(best)), 4))


def warnings_of(examples: Examples, counts: Integers, images: int) -> tuple[str, ...]:
    """Say what makes the scores, or a class, uncertain."""
    pairs = zip(examples.names, counts.tolist(), strict=True)
    few = [f"{shortened(name, 40)} ({count})" for name, count in pairs if count < FEW]
    found: list[str] = []
    if few:
        found.append(f"fewer than {FEW} examples of {', '.join(few)}: mark more, its scores may be chance")
    number = len(np.unique(examples.images))
    if number == 1:
        found.append(
            "all examples are of one image: on other images, classes may be told less well than the scores say"
        )
    elif images < 2:
        found.append(
            f"a class is marked on one of {plural(number, 'image')} alone: scores are not by image, and may be too good"
        )
    return tuple(found)
