"""Score many images, one after the other: a bad one does not end the rest, and the worst are kept to be drawn."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from nuseg.datasets.seen import Use
from nuseg.errors import NusegError
from nuseg.evaluation.cases import Case
from nuseg.evaluation.classes import Confusion
from nuseg.evaluation.comparison import Comparison
from nuseg.evaluation.details import Matched, Stated
from nuseg.evaluation.detection import drop_unknown
from nuseg.evaluation.errors import KINDS, Kind, tally
from nuseg.types import RGB

SHOWN, SHOWN_OF_ONE = 8, 2  # pictures of errors of each kind, in all and of one image


@dataclass(frozen=True)
class Scored:
    """One image with its scores, kept to be drawn."""

    name: str
    compared: Comparison
    score: str
    value: float


@dataclass(frozen=True, eq=False)
class ShownError:
    """An error with a picture `(h, w, 3)` uint8: the image's name, and the pixels that are wrong."""

    name: str
    size: int
    pixels: RGB


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
    groups : dict
        Name of an image: patient or slide, where it is known.
    errors_by_kind : dict
        Name of an image: for each kind of error how many there are, with how many unmatched true and predicted nuclei.
    shown : dict
        Kind of error: the largest of them.
    matched, stated : dict
        Name of an image: pairs at every IoU and sizes; probabilities and whether they came true.
    confusions : dict
        Name of an image: which classes were taken for which.
    """

    rows: list[dict[str, str | float]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    parted: list[str] = field(default_factory=list)
    seen: dict[str, Use] = field(default_factory=dict)
    ignored: dict[str, float] = field(default_factory=dict)
    worst: list[Scored] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    errors_by_kind: dict[str, dict[Kind, tuple[int, int, int]]] = field(default_factory=dict)
    shown: dict[Kind, list[ShownError]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    matched: dict[str, Matched] = field(default_factory=dict)
    stated: dict[str, Stated] = field(default_factory=dict)
    confusions: dict[str, Confusion] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """One row per image: `name`, its `group` where some share one, and its scores."""
        table = drop_unknown(pd.DataFrame(self.rows))
        return with_groups(table, self.groups)

    @property
    def unit(self) -> str:
        """Of diameters: um, or px where the resolution is not known."""
        return next((one.unit for one in self.matched.values()), "px")

    def add_details(self, name: str, compared: Comparison) -> None:
        """Keep what an image tells beside its scores."""
        details = compared.details()
        if details is None or (compared.ignore is not None and compared.ignore.all()):
            return
        self.errors_by_kind[name] = tally(details.failures)
        if details.matched is not None:
            self.matched[name] = details.matched
        if details.stated is not None:
            self.stated[name] = details.stated
        if details.confusion is not None:
            self.confusions[name] = details.confusion
        for kind, shown in self.shown.items():
            own = sorted((one for one in details.failures if one.kind == kind), key=lambda one: -one.size)
            for failure in own[:SHOWN_OF_ONE]:
                if len(shown) == SHOWN and shown[-1].size >= failure.size:
                    break
                pixels = compared.picture_of(failure)
                if pixels is not None:
                    shown.append(ShownError(name, failure.size, pixels))
                    shown.sort(key=lambda one: -one.size)
                    del shown[SHOWN:]


def with_groups(table: pd.DataFrame, groups: Mapping[str, str]) -> pd.DataFrame:
    """Put the group of each image beside its name, if any two share one; else each is a group of its own."""
    own = [groups.get(name, name) for name in table["name"]] if len(table) else []
    if len(set(own)) == len(own):
        return table
    grouped = table.copy()
    grouped.insert(1, "group", own)
    return grouped


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
        result.add_details(case.name, compared)
        if case.group is not None:
            result.groups[case.name] = case.group
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
