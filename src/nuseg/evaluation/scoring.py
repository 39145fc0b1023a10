"""Score many images, one after the other: a bad one does not end the rest, and the worst are kept to be drawn."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pandas as pd

from nuseg.datasets.seen import Use
from nuseg.errors import NusegError
from nuseg.evaluation.cases import Case
from nuseg.evaluation.comparison import Comparison
from nuseg.evaluation.detection import drop_unknown


@dataclass(frozen=True)
class Scored:
    """One image with its scores, kept to be drawn."""

    name: str
    compared: Comparison
    score: str
    value: float


@dataclass
class Scores:
    """What came of many cases.

    Attributes
    ----------
    rows : list of dict
        `name` and scores of each image.
    errors : dict
        Name of a case that could not be scored: why.
    parted : list of str
        Names of the cases whose prediction was a mask, taken apart into connected components.
    seen : dict
        Name of an image that the model has seen before: "train" or "validation".
    ignored : dict
        Name of an image of which not everything is known: share of its pixels that is ignored, above 0 and up to 1.
    worst : list of Scored
        The lowest by AJI (by Dice where the truth is a mask, by F1 where it is points), lowest first.
    """

    rows: list[dict[str, str | float]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    parted: list[str] = field(default_factory=list)
    seen: dict[str, Use] = field(default_factory=dict)
    ignored: dict[str, float] = field(default_factory=dict)
    worst: list[Scored] = field(default_factory=list)

    @property
    def table(self) -> pd.DataFrame:
        """One row per image."""
        return drop_unknown(pd.DataFrame(self.rows))


def score_cases(
    cases: Iterable[Case], keep_worst: int = 3, failed: Callable[[str], None] = lambda message: None
) -> Scores:
    """Read and score every case.

    Parameters
    ----------
    cases
        What to compare.
    keep_worst
        How many of the worst images to keep.
    failed
        Told the reason at once when a case cannot be scored; the others are scored all the same.
    """
    result = Scores()
    for case in cases:
        try:
            compared = case.read()
            scores = _score(case.name, compared)
        except NusegError as problem:
            result.errors[case.name] = str(problem)
            failed(str(problem))
            continue
        result.rows.append({"name": case.name, **scores})
        if compared.parted:
            result.parted.append(case.name)
        if compared.seen is not None:
            result.seen[case.name] = compared.seen
        if compared.ignore is not None and compared.ignore.any():
            result.ignored[case.name] = float(compared.ignore.mean())
        value = scores[compared.rank]
        if not math.isnan(value):  # where everything is ignored
            kept = [*result.worst, Scored(case.name, compared, compared.rank, value)]
            result.worst = sorted(kept, key=lambda scored: scored.value)[:keep_worst]
    return result


def _score(name: str, compared: Comparison) -> dict[str, float]:
    try:
        return compared.scores()
    except NusegError as problem:
        raise NusegError(f"{name}: {problem}") from problem
