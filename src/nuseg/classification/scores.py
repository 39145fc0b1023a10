"""How well classes are told, on examples that were not learned from."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from nuseg.strict import Strict
from nuseg.types import Floats, Integers

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class ClassScores(Strict):
    """Scores of one class."""

    precision: Share | None = Field(description="share of those told to be of the class that are; None where none is")
    recall: Share | None = Field(description="share of its examples that are told; None without examples")
    f1: Share | None = Field(description="harmonic mean of both; None where neither says anything")
    examples: Count = Field(description="marked nuclei of the class")


class Scores(Strict):
    """Scores by cross-validation: every example is told by trees that learned from the other folds."""

    folds: Count = Field(description="parts that the examples were cut into")
    by_image: bool = Field(description="whether examples of one image were kept in one fold")
    accuracy: Share = Field(description="share of the examples that are told rightly")
    macro_f1: Share = Field(description="mean of the F1 of all classes")
    calibration_error: Share = Field(
        description="mean difference of told probability and share of right ones (ten bins)"
    )
    classes: dict[str, ClassScores] = Field(description="scores of each class")
    confusion: list[list[Count]] = Field(description="examples by true (row) and told class (column)")

    def are_of(self, names: Sequence[str]) -> bool:
        """Whether they are scores of these classes, each of them."""
        lengths = {len(self.confusion), *map(len, self.confusion)}
        return set(self.classes) == set(names) and lengths == {len(names)}


def score(names: Sequence[str], truth: Integers, probabilities: Floats, folds: int, by_image: bool) -> Scores:
    """Score what was told.

    Parameters
    ----------
    names : sequence of str
        Classes.
    truth : (n,) int64
        Place of the class of each example in `names`.
    probabilities : (n, classes) float64
        What was told of it.
    folds : int
    by_image : bool
        See `Scores`.
    """
    told = probabilities.argmax(axis=1)
    size = len(names)
    confusion = np.bincount(truth * size + told, minlength=size * size).reshape(size, size)
    classes = {name: _class_scores(confusion, place) for place, name in enumerate(names)}
    return Scores(
        folds=folds,
        by_image=by_image,
        accuracy=float(np.mean(told == truth)),
        macro_f1=float(np.mean([one.f1 or 0.0 for one in classes.values()])),
        calibration_error=calibration_error(probabilities.max(axis=1), told == truth),
        classes=classes,
        confusion=confusion.tolist(),
    )


def _class_scores(confusion: Integers, place: int) -> ClassScores:
    right, told, true = confusion[place, place], confusion[:, place].sum(), confusion[place].sum()
    return ClassScores(
        precision=float(right / told) if told else None,
        recall=float(right / true) if true else None,
        f1=float(2 * right / (told + true)) if told + true else None,
        examples=int(true),
    )


def calibration_error(sure: Floats, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean difference of probability and share of right ones over bins, by their size.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.abs(np.bincount(place, sure - right, bins))
    return float(min(gaps.sum() / len(sure), 1.0))
