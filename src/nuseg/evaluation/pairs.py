"""Two candidates side by side: differences image by image, the test, the images that decide, and all of it in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.evaluation.candidates import Candidate
from nuseg.evaluation.paired import LEVEL, PairedTest, holm, paired_test
from nuseg.evaluation.report import is_count, scores_in, title_of
from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.text import plural, shown

LOWER_IS_BETTER = ("abs_count_error",)
DECIDING = 5  # images named on either side


@dataclass(frozen=True, eq=False)
class Pair:
    """Two candidates, compared by one score.

    Attributes
    ----------
    first, second : str
        Names; differences are second less first.
    score : str
    images : DataFrame
        One row per image that both have, from the highest difference to the lowest: `name`, `group` where it is known,
        `first`, `second`, `difference`.
    test : PairedTest
    p : float
        Of the permutation test, corrected for the number of pairs (Holm).
    comparisons : int
        Number of pairs.
    others : DataFrame
        Index `score`; mean of `first`, `second` and `difference` with `low` and `high`, of all scores that both have.
    without : (str, PairedTest) or None
        The image or group that speaks most for the difference, and the test without it.
    """

    first: str
    second: str
    score: str
    images: pd.DataFrame
    test: PairedTest
    p: float
    comparisons: int
    others: pd.DataFrame
    without: tuple[str, PairedTest] | None

    @property
    def better(self) -> str | None:
        """Which of the two is shown to be better; None where the data cannot tell."""
        if not self.p < LEVEL:
            return None
        return self.second if (self.test.mean > 0) != (self.score in LOWER_IS_BETTER) else self.first

    @property
    def same(self) -> bool:
        """Whether the two have the same score on every image."""
        return not self.images["difference"].any()

    @property
    def more_groups(self) -> int | None:
        """About how many more groups would show a difference as large as this one; 0 where it is shown already."""
        if self.better is not None:
            return 0
        needed = self.test.groups_needed(self.comparisons)
        return None if needed is None else max(needed - self.test.groups, 1)

    @property
    def more_images(self) -> int | None:
        """About how many more images these are."""
        groups = self.more_groups
        return None if groups is None else math.ceil(groups * self.test.images / self.test.groups)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return " ".join(_sentences(self))


def choose_score(candidates: Sequence[Candidate], wanted: str | None, usual: Sequence[str]) -> str:
    """Choose the score that decides.

    Raises
    ------
    NusegError
        Not all candidates have it, it does not say which is better, or they have none in common.
    """
    common = [score for score in _scores_of(candidates[0]) if all(score in one.table for one in candidates)]
    fit = [score for score in common if score in LOWER_IS_BETTER or not is_count(score)]
    if wanted is None:
        found = next((score for score in usual if score in fit), next(iter(fit), None))
        if found is None:
            raise NusegError(
                f"{', '.join(one.source for one in candidates)}: have no score in common; score them alike"
            )
        return found
    if wanted not in fit:
        raise NusegError(
            f"score={shown(wanted)}: expected a score that all have and that says which is better: {', '.join(fit)}"
        )
    return wanted


def compare_pairs(pairs: Sequence[tuple[Candidate, Candidate]], score: str, seed: int = 0) -> list[Pair]:
    """Compare two by two, and correct for their number.

    Raises
    ------
    NusegError
        Two have fewer than two images in common.
    """
    tables = [_differences(first, second, score) for first, second in pairs]
    tests = [paired_test(table["difference"].to_numpy(), _groups(table), seed) for table in tables]
    corrected = holm([test.p for test in tests])
    return [
        Pair(
            first.name,
            second.name,
            score,
            table.sort_values("difference", ascending=False, ignore_index=True),
            test,
            float(p),
            len(pairs),
            _all_scores(first, second, seed),
            _without_most(table, test, float(p), seed),
        )
        for (first, second), table, test, p in zip(pairs, tables, tests, corrected, strict=True)
    ]


def p_in_words(p: float) -> str:
    """A p-value as it is written."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def round_number(number: int) -> int:
    """A number with two digits that count: more would promise too much."""
    return number if number < 100 else int(float(f"{number:.2g}"))


def units(test: PairedTest) -> str:
    """What is independent of one another: images, or groups of them."""
    images = plural(test.images, "image")
    return images if test.groups == test.images else f"{images} of {plural(test.groups, 'group')} (patients, slides)"


def signed(value: float, score: str) -> str:
    """A difference with its sign, in three digits (counts in one)."""
    return f"{value:+.{1 if is_count(score) else 3}f}"


def _sentences(pair: Pair) -> list[str]:
    test, title = pair.test, title_of(pair.score)
    if pair.same:
        return [f"{pair.first} and {pair.second} have the same {title} on every image ({units(test)})."]
    several = f" corrected for {pair.comparisons} comparisons" if pair.comparisons > 1 else ""
    sure = f", {p_in_words(pair.p)}{several}"
    ends = f"{signed(test.low, pair.score)} to {signed(test.high, pair.score)}"
    between = f"95 % interval {ends}" if math.isfinite(test.low) else "no interval"
    if pair.better is not None:
        other, sign = (pair.first, 1) if pair.better == pair.second else (pair.second, -1)
        way = "higher" if sign * test.mean > 0 else "lower"
        return [
            f"{pair.better} is better than {other}: its {title} is {way} by {signed(abs(test.mean), pair.score)[1:]} "
            f"({pair.second} less {pair.first}: {between}{sure}), on {units(test)}.",
            *_hinges(pair),
        ]
    return [
        f"These {units(test)} cannot tell {pair.first} and {pair.second} apart: {title} of {pair.second} less that of "
        f"{pair.first} is {signed(test.mean, pair.score)} ({between}{sure}).",
        *_further(pair),
    ]


def _further(pair: Pair) -> list[str]:
    """Say how many more images would decide."""
    test = pair.test
    said = []
    if test.smallest_p * pair.comparisons >= LEVEL:
        independent = "images" if test.groups == test.images else "groups"
        least = math.ceil(1 - math.log2(LEVEL / pair.comparisons))
        said.append(f"So few {independent} can never tell two apart: it takes {least} at least.")
    if test.groups < 2:  # their spread is not known
        return said
    if pair.more_images is None:
        return [*said, "A difference so small would not show with any number of images that can be had."]
    images = round_number(pair.more_images)
    about = plural(images, "more image")
    if test.groups != test.images:
        about = f"{plural(round_number(pair.more_groups or 0), 'more group')} ({plural(images, 'image')})"
    return [*said, f"If it is as large as it looks, about {about} would show it, in four of five cases."]


def _hinges(pair: Pair) -> list[str]:
    """Say where one image or group alone decides."""
    if pair.without is None:
        return []
    name, test = pair.without
    if test.p < LEVEL or test.smallest_p * pair.comparisons >= LEVEL:  # so few that any of them is needed
        return []
    return [
        f"But it rests on {shown(name)[1:-1]}: without it the difference is {signed(test.mean, pair.score)} "
        f"({p_in_words(test.p)})."
    ]


def _differences(first: Candidate, second: Candidate, score: str) -> pd.DataFrame:
    both = [name for name in first.table.index if name in second.table.index]
    table = pd.DataFrame(
        {
            "name": both,
            "first": first.table.loc[both, score].to_numpy(float),
            "second": second.table.loc[both, score].to_numpy(float),
        }
    )
    for one in (first, second):
        if "group" in one.table and "group" not in table:
            table.insert(1, "group", one.table.loc[both, "group"].to_numpy())
    table["difference"] = table["second"] - table["first"]
    table = table[table["difference"].notna()].reset_index(drop=True)
    if len(table) < 2:
        raise NusegError(
            f"{first.source} and {second.source}: have {plural(len(table), 'image')} with {title_of(score)} in common, "
            "expected two or more: score both on the same images"
        )
    return table


def _groups(table: pd.DataFrame) -> list[str] | None:
    return table["group"].tolist() if "group" in table else None


def _all_scores(first: Candidate, second: Candidate, seed: int) -> pd.DataFrame:
    rows = []
    for score in _scores_of(first):
        if score not in second.table:
            continue
        try:
            table = _differences(first, second, score)
        except NusegError:  # a score that only one image has
            continue
        mean, low, high = bootstrap_ci(table["difference"].to_numpy(), seed, groups=_groups(table))
        means = table["first"].mean(), table["second"].mean()
        rows.append([score, *map(float, means), mean, low, high, len(table)])
    columns = ["score", "first", "second", "difference", "low", "high", "images"]
    return pd.DataFrame(rows, columns=columns).set_index("score")


def _without_most(table: pd.DataFrame, test: PairedTest, p: float, seed: int) -> tuple[str, PairedTest] | None:
    """Test again without the image or group that speaks most for the difference."""
    owner = table["group"] if "group" in table else table["name"]
    pull = (np.sign(test.mean) * table["difference"]).groupby(owner.to_numpy()).sum()
    if test.mean == 0 or len(pull) < 3:
        return None
    name = str(pull.idxmax())
    rest = table[owner.astype(str) != name]
    left = paired_test(rest["difference"].to_numpy(), _groups(rest), seed)
    return name, replace(left, p=min(1.0, left.p * p / test.p) if test.p else left.p)


def _scores_of(candidate: Candidate) -> list[str]:
    return scores_in(candidate.table)
