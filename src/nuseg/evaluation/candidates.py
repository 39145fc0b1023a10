"""What is compared: a folder of scores, a model, or a folder of predictions; each becomes a table of scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from nuseg.errors import NusegError
from nuseg.evaluation.evaluated import Evaluation
from nuseg.evaluation.report import scores_in
from nuseg.io.documents import DocumentError, read_object, read_table
from nuseg.io.places import is_file, plain_name_of
from nuseg.model.store import CONFIG_FILE, Model, shipped_models
from nuseg.text import printable, shown

SCORES, RECORD = "per_image.csv", "scores.json"
AGAIN = "score it again with nuseg evaluate"


@dataclass(frozen=True, eq=False)
class Candidate:
    """Scores of one thing that is compared.

    Attributes
    ----------
    name : str
        Short, and unlike those of the others.
    source : str
        What was given: a folder, or the name of a model.
    table : DataFrame
        One row per image, with the image's `name` as the index; columns are scores, and `group` where it is known.
    fingerprint : str or None
        Of the dataset that it was scored on.
    seen : mapping of str to str
        Image that a model has seen before: "train" or "validation".
    evaluation : Evaluation or None
        Where it was scored to be compared.
    """

    name: str
    source: str
    table: pd.DataFrame
    fingerprint: str | None = None
    seen: Mapping[str, str] = field(default_factory=dict)
    evaluation: Evaluation | None = None


def has_scores(given: str | Path | Model) -> bool:
    """Whether it is a folder that `nuseg evaluate` wrote."""
    return not isinstance(given, Model) and is_file(Path(given) / SCORES)


def is_model(given: str | Path | Model) -> bool:
    """Whether it is a model, or the name or folder of one."""
    if isinstance(given, Model) or str(given) in shipped_models():
        return True
    return any(is_file(Path(given) / inner / CONFIG_FILE) for inner in ("", "model"))


def read_scores(folder: Path, name: str) -> Candidate:
    """Read what `nuseg evaluate` wrote.

    Raises
    ------
    NusegError
        A file is damaged, or has no scores.
    """
    path = folder / SCORES
    try:
        columns, rows = read_table(path)
    except DocumentError as problem:
        raise NusegError(f"{path}: cannot be read as CSV ({problem}); {AGAIN}") from None
    if "name" not in columns:
        raise NusegError(f"{path}: expected a table of scores with a column 'name', found {shown(columns)}; {AGAIN}")
    raw = pd.DataFrame(rows, columns=columns, dtype=str)
    if raw["name"].duplicated().any():
        twice = raw["name"][raw["name"].duplicated()].iloc[0]
        raise NusegError(f"{path}: the image {shown(twice)} occurs twice; {AGAIN}")
    raw = raw.set_index("name")
    table = pd.DataFrame({score: [_number(path, score, text) for text in raw[score]] for score in scores_in(raw)})
    table.index = raw.index
    if table.empty:
        raise NusegError(f"{path}: has no scores; {AGAIN}")
    if "group" in raw:
        table["group"] = raw["group"]
    seen = {str(image): str(use) for image, use in raw["seen"].items() if use} if "seen" in raw else {}
    record = read_object(folder / RECORD, "record of scores", AGAIN) if is_file(folder / RECORD) else {}
    fingerprint = record.get("fingerprint")
    return Candidate(name, str(folder), table, fingerprint if isinstance(fingerprint, str) else None, seen)


def of_evaluation(found: Evaluation, name: str, source: str) -> Candidate:
    """Take the scores of an evaluation.

    Raises
    ------
    NusegError
        No image could be scored.
    """
    table = found.table
    if not len(table):
        raise NusegError(f"{source}: no image could be scored, so there is nothing to compare")
    fingerprint = found.about.get("fingerprint")
    return Candidate(name, source, table.set_index("name"), fingerprint, found.scores.seen, found)


def source_of(given: str | Path | Model) -> str:
    """What was given, in words: a path, or the name of a model."""
    return str(given.path if isinstance(given, Model) else given)


def short_names(given: Sequence[str | Path | Model]) -> list[str]:
    """Name each thing by the last part of its path, or by all of it where that is that of another one, too."""
    whole = [printable(one.config.name if isinstance(one, Model) else one) for one in given]
    last = [Path(name).name or name for name in whole]
    names = [name if last.count(name) == 1 else full for name, full in zip(last, whole, strict=True)]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]


def folder_names(names: Sequence[str]) -> list[str]:
    """Names of folders for the candidates' own scores."""
    plain = [plain_name_of(name) for name in names]
    return [name if plain.count(name) == 1 else f"{place}-{name}" for place, name in enumerate(plain, 1)]


def check_same_truth(candidates: Sequence[Candidate]) -> None:
    """Refuse to compare scores against different annotations.

    Raises
    ------
    NusegError
        The datasets differ, or an image has another number of true nuclei.
    """
    first = candidates[0]
    for other in candidates[1:]:
        if None not in (first.fingerprint, other.fingerprint) and first.fingerprint != other.fingerprint:
            raise NusegError(
                f"{other.source}: scored on another dataset than {first.source} (the fingerprints in {RECORD} differ): "
                "score both on one dataset"
            )
        if "true_count" not in first.table or "true_count" not in other.table:
            continue
        both = first.table.index.intersection(other.table.index)
        counts = first.table.loc[both, "true_count"], other.table.loc[both, "true_count"]
        differing = both[(counts[0] != counts[1]) & counts[0].notna() & counts[1].notna()]
        if len(differing):
            name = differing[0]
            raise NusegError(
                f"{other.source}: the image {shown(name)} has {counts[1][name]:.0f} true nuclei there, and "
                f"{counts[0][name]:.0f} in {first.source}: score both against one annotation"
            )


def _number(path: Path, score: str, text: str) -> float:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        raise NusegError(f"{path}: {score} is {shown(text)}, expected a number; {AGAIN}") from None
    if math.isinf(value):
        raise NusegError(f"{path}: {score} is {shown(text)}, expected a number; {AGAIN}")
    return value
