"""Compare models, predictions or scores over one dataset: what `nuseg compare` does."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.engines.loading import Device
from nuseg.errors import NusegError
from nuseg.evaluation.candidates import (
    Candidate,
    check_same_truth,
    folder_names,
    has_scores,
    is_model,
    of_evaluation,
    read_scores,
    short_names,
    source_of,
)
from nuseg.evaluation.compare_page import ComparePage, chart_of, render_comparison
from nuseg.evaluation.dataset import Split, evaluate_dataset
from nuseg.evaluation.detection import RADIUS_UM
from nuseg.evaluation.evaluated import MAIN_SCORES, PAGE
from nuseg.evaluation.image_table import read_image_table
from nuseg.evaluation.pairs import Pair, choose_score, compare_pairs, units
from nuseg.evaluation.report import FEW_GROUPS, summarise
from nuseg.io.atomic import atomic_path
from nuseg.model.store import Model
from nuseg.progress import ProgressCallback
from nuseg.report.chart import standalone
from nuseg.report.page import write_page
from nuseg.text import plural

IMAGES, DIFFERENCES, RECORD = "images.csv", "differences.csv", "comparison.json"
NAMES_SHOWN = 5


@dataclass(frozen=True, eq=False)
class ScoreComparison:
    """Candidates compared over the same images.

    Attributes
    ----------
    candidates : tuple of Candidate
        In the order given.
    score : str
        The score that decides.
    pairs : tuple of Pair
        Every candidate against the first, or every pair.
    """

    candidates: tuple[Candidate, ...]
    score: str
    pairs: tuple[Pair, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def verdicts(self) -> list[str]:
        """The answers in words, one for each pair."""
        return [pair.verdict for pair in self.pairs]

    @property
    def summary(self) -> pd.DataFrame:
        """Mean of the deciding score of each candidate: index `name`, columns as of `nuseg.evaluation.summarise`."""
        rows = {one.name: summarise(one.table).loc[self.score] for one in self.candidates}
        summary = pd.DataFrame(rows).T
        summary.index.name = "name"
        return summary

    @property
    def images(self) -> pd.DataFrame:
        """One row per image: `name`, `group` where it is known, and the deciding score of each candidate."""
        table = pd.DataFrame({one.name: one.table[self.score] for one in self.candidates})
        table.index.name = "name"
        for one in self.candidates:
            if "group" in one.table and "group" not in table:
                table.insert(0, "group", one.table["group"].reindex(table.index))
        return table.reset_index()

    @property
    def differences(self) -> pd.DataFrame:
        """One row per pair and score, second less first; `p` and `p_corrected` for the score that decides."""
        rows = []
        for pair in self.pairs:
            for score, row in pair.others.iterrows():
                decides = score == self.score
                tests = {"p": pair.test.p, "p_corrected": pair.p} if decides else {"p": None, "p_corrected": None}
                pair_of = {"first": pair.first, "second": pair.second, "score": score}
                means = {"mean_first": row["first"], "mean_second": row["second"]}
                rest = {key: row[key] for key in ("difference", "low", "high", "images")}
                rows.append({**pair_of, **means, **rest, "groups": pair.test.groups, **tests})
        return pd.DataFrame(rows)

    @property
    def warnings(self) -> list[str]:
        """What makes the comparison unfair: images that a candidate has seen before."""
        said = []
        for one in self.candidates:
            if one.seen:
                count = plural(len(one.seen), "image")
                said.append(
                    f"{one.name} was trained on, or chosen by, {count} of those compared: it scores lower on new ones"
                )
        return said

    @property
    def notes(self) -> list[str]:
        """What a reader should know: images left out, and how intervals are made."""
        said = []
        everywhere = set.intersection(*(set(one.table.index) for one in self.candidates))
        for one in self.candidates:
            alone = [str(name) for name in one.table.index if name not in everywhere]
            if alone:
                more = " ..." if len(alone) > NAMES_SHOWN else ""
                listed = ", ".join(alone[:NAMES_SHOWN]) + more
                said.append(f"{plural(len(alone), 'image')} of {one.name} are not in all of the others: {listed}")
        test = self.pairs[0].test
        if test.groups < test.images:
            few = f"; they are rough, with fewer than {FEW_GROUPS} groups" if test.groups < FEW_GROUPS else ""
            said.append(
                f"{units(test)}: test and intervals take whole groups, since images of one group resemble each "
                f"other{few}"
            )
        return said

    def record(self) -> dict[str, Any]:
        """Give everything but the images as JSON can hold it."""
        return {
            **self.about,
            "score": self.score,
            "candidates": [one.name for one in self.candidates],
            "warnings": self.warnings,
            "notes": self.notes,
            "pairs": [
                {
                    "first": pair.first,
                    "second": pair.second,
                    **asdict(pair.test),
                    "p_corrected": pair.p,
                    "better": pair.better,
                    "more_groups": pair.more_groups,
                    "more_images": pair.more_images,
                    "verdict": pair.verdict,
                }
                for pair in self.pairs
            ],
        }

    def save(self, folder: str | Path) -> Path:
        """Write the page `index.html`, `images.csv`, `differences.csv`, `comparison.json` and a picture of each pair.

        What was scored to be compared gets a folder of its own, as `nuseg evaluate` writes it.

        Returns
        -------
        Path
            Of the page.

        Raises
        ------
        NusegError
            The folder cannot be written.
        """
        out = Path(folder)
        for name, one in zip(folder_names([one.name for one in self.candidates]), self.candidates, strict=True):
            if one.evaluation is not None:
                one.evaluation.save(out / name)
        for file, table in ((IMAGES, self.images), (DIFFERENCES, self.differences)):
            with atomic_path(out / file) as temporary:
                table.to_csv(temporary, index=False)
        with atomic_path(out / RECORD) as temporary:
            text = json.dumps(_without_nan(self.record()), indent=2, default=str)
            temporary.write_text(text + "\n", encoding="utf-8")
        for number, pair in enumerate(self.pairs, 1):
            with atomic_path(out / f"differences-{number}.svg") as temporary:
                temporary.write_text(standalone(chart_of(pair)), encoding="utf-8")
        page = ComparePage(self.score, self.summary, self.pairs, self.warnings, self.notes)
        write_page(render_comparison(page), out / PAGE)
        return out / PAGE


def compare(
    candidates: Sequence[str | Path | Model],
    truth: str | Path | None = None,
    *,
    score: str | None = None,
    all_pairs: bool = False,
    split: Split = "test",
    mpp: float | None = None,
    radius: float = RADIUS_UM,
    table: str | Path | None = None,
    group_column: str | None = None,
    device: Device = "auto",
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    failed: Callable[[str], None] = lambda message: None,
) -> ScoreComparison:
    """Say whether models, predictions or scores differ, over the same images.

    The differences of a score are taken image by image. Their mean has a bootstrap interval, and a permutation test
    says whether it may be chance. Where it is known which images are of one patient or slide, both take whole groups.

    Parameters
    ----------
    candidates : sequence of path, str or Model
        Two or more, each a folder that `nuseg evaluate` wrote, a model (shipped, model folder, run folder), or a folder
        of predictions. The others are compared with the first.
    truth : path, optional
        Dataset to score models and predictions on; for predictions also a folder of annotations.
    score : str, optional
        That decides; default: `aji`, else `dice`, else `detection_f1`.
    all_pairs : bool
        Compare every pair, not only each with the first. p-values are corrected for the number of pairs.
    split : str
        Part of a dataset, as of `nuseg.evaluate_dataset`; so are the four that follow.
    mpp : float, optional
        Resolution of images that do not state one (um/px).
    radius : float
        Distance within which a point counts as found (um).
    device : str
        What models run on.
    threads : int, optional
        CPU threads.
    table : path, optional
        CSV with a column `name` and one that says which images belong together.
    group_column : str, optional
        That column; default: `patient`, `slide` or `group`.
    progress : function, optional
        Called with a `nuseg.Progress` after each image.
    failed : function
        Told at once why an image cannot be scored; the others are compared all the same.

    Returns
    -------
    ScoreComparison
        `.verdicts`, `.pairs`, `.differences`, `.images`, `.save(folder)`.

    Raises
    ------
    NusegError
        There are fewer than two, something cannot be read or scored, or they were scored on different annotations.

    Examples
    --------
    >>> found = nuseg.compare(["scores-default", "scores-tuned"])  # doctest: +SKIP
    >>> print(found.verdicts[0])  # doctest: +SKIP
    """
    if len(candidates) < 2:
        raise NusegError(f"expected two or more to compare, found {len(candidates)}: name another one")
    kinds = [has_scores(one) for one in candidates]
    names = short_names(candidates)
    if not all(kinds) and truth is None:
        name = names[kinds.index(False)]
        raise NusegError(
            f"{name}: has no per_image.csv of nuseg evaluate; to score models or predictions, name the dataset: truth="
        )
    scored = []
    for given, name, has in zip(candidates, names, kinds, strict=True):
        if has and not isinstance(given, Model):
            scored.append(read_scores(Path(given), name))
            continue
        assert truth is not None
        model = given if is_model(given) else None
        predictions = None if model is not None or isinstance(given, Model) else given
        found = evaluate_dataset(
            truth,
            predictions,
            model,
            split=split,
            mpp=mpp,
            radius=radius,
            table=table,
            group_column=group_column,
            device=device,
            threads=threads,
            progress=progress,
            failed=failed,
        )
        scored.append(of_evaluation(found, name, source_of(given)))
    scored = _grouped(scored, table, group_column)
    check_same_truth(scored)
    chosen = choose_score(scored, score, MAIN_SCORES)
    chosen_pairs = list(combinations(scored, 2)) if all_pairs else [(scored[0], other) for other in scored[1:]]
    about = {"compared": list(map(source_of, candidates))}
    return ScoreComparison(tuple(scored), chosen, tuple(compare_pairs(chosen_pairs, chosen)), about)


def _grouped(scored: list[Candidate], table: str | Path | None, group_column: str | None) -> list[Candidate]:
    """Put the groups that a table states in place of those of the dataset."""
    images = list(dict.fromkeys(str(name) for one in scored for name in one.table.index))
    groups = read_image_table(None if table is None else Path(table), images, group_column).groups
    if groups is None:
        return scored
    return [
        replace(one, table=one.table.assign(group=[groups[str(name)] for name in one.table.index])) for one in scored
    ]


def _without_nan(tree: Any) -> Any:
    """Put null in place of NaN, which JSON has not."""
    if isinstance(tree, dict):
        return {key: _without_nan(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_nan(value) for value in tree]
    return None if isinstance(tree, float) and tree != tree else tree
