"""From pairs of label images to tables: scores per image, their means with intervals, files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group
from rich.table import Table

from nuseg.evaluation import classes
from nuseg.evaluation.class_table import class_table, of_all_nuclei, render_classes
from nuseg.evaluation.contingency import ratio
from nuseg.evaluation.detection import class_rates, detection_rates
from nuseg.evaluation.object import object_scores
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.io.atomic import atomic_path
from nuseg.text import plural
from nuseg.types import LabelImage, Mask

TITLES = {
    "dice": "Dice",
    "iou": "IoU",
    "accuracy": "pixel accuracy",
    "precision": "pixel precision",
    "recall": "pixel recall",
    "aji": "AJI",
    "aji_plus": "AJI+",
    "pq": "PQ",
    "dq": "DQ",
    "sq": "SQ",
    "f1": "F1 at IoU 0.5",
    "object_precision": "precision at IoU 0.5",
    "object_recall": "recall at IoU 0.5",
    "matched": "matched nuclei",
    "detection_f1": "detection F1",
    "detection_precision": "detection precision",
    "detection_recall": "detection recall",
    "detected": "detected nuclei",
    "true_count": "true nuclei",
    "pred_count": "predicted nuclei",
    "count_error": "count error",
    "abs_count_error": "absolute count error",
    "class_f1": "detection and class F1",
    "class_detected": "detected nuclei of the right class",
    "class_accuracy": "class accuracy of detected nuclei",
    "matched_class_f1": "class F1 of detected nuclei",
    "hovernet_f1": "HoVer-Net's F of detection and class",
    "mpq": "mPQ",
    "class_pq": "PQ of the class",
}
COUNTS = ("matched", "detected", "true_count", "pred_count", "count_error", "abs_count_error", "class_detected")
WHY_NO_OBJECTS = "scores per nucleus left out: the annotation is a mask, in which touching nuclei are one"
WHY_NO_OUTLINES = "scores of outlines left out: the annotation is points"
WHY_NO_INTERVAL = "no interval: it takes two images or more"
WHY_ONE_GROUP = "no interval: all images are of one group (patient, slide); it takes two or more"
FEW_GROUPS = 6  # fewer say little of how groups differ


def score_image(
    true_labels: LabelImage, pred_labels: LabelImage, instance: bool = True, ignore: Mask | None = None
) -> dict[str, float]:
    """All scores of one image; see `pixel_scores` and `object_scores` for what each means.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images, 0 = background; any integer dtype, numbers need not be consecutive.
    instance : bool
        False where the truth is a mask in which touching nuclei are merged (`annotation` "binary"): scores per
        nucleus would be wrong and are left out.
    ignore : (h, w) bool, optional
        True where it is not known what is there: pixels and nuclei that are not scored, see
        `nuseg.evaluation.ignoring`. Where nothing is known, all scores are NaN.

    Raises
    ------
    NusegError
        The arrays are no label images or differ in size.
    """
    scores = pixel_scores(true_labels, pred_labels, ignore)
    if instance:
        scores |= object_scores(true_labels, pred_labels, ignore)
    return without_scores(scores, ignore)


def without_scores(scores: Mapping[str, float], ignore: Mask | None) -> dict[str, float]:
    """The scores; NaN in place of each where all of the image is ignored, so that there was nothing to score."""
    if ignore is not None and ignore.all():
        return dict.fromkeys(scores, float("nan"))
    return dict(scores)


def summarise(rows: pd.DataFrame | Iterable[Mapping[str, Any]], seed: int = 0) -> pd.DataFrame:
    """Mean over images of every score, with its 95 % bootstrap interval.

    Parameters
    ----------
    rows
        One per image, from `score_image`; entries that are not scores (`name`) are left out. Where there is a `group`
        (patient, slide), the bootstrap draws whole groups.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Index `score`; columns `mean`, `low`, `high`, `images` and `pooled`. The interval of a single image is
        NaN. `pooled` is the score of all nuclei of all images taken together, where the literature defines it so
        (PQ, DQ, SQ, F1, precision, recall, scores of classes), the sum for counts, and NaN for the others. Scores of a
        class are `NAME:CLASS`.
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    pooled = _pool(table)
    groups = table["group"].tolist() if "group" in table else None
    summary = []
    for score in scores_in(table):
        values = table[score].to_numpy(float)
        mean, low, high = bootstrap_ci(values, seed, groups=groups)
        summary.append(
            {
                "score": score,
                "mean": mean,
                "low": low,
                "high": high,
                "images": int(np.isfinite(values).sum()),
                "pooled": pooled.get(score, float("nan")),
            }
        )
    columns = ["score", "mean", "low", "high", "images", "pooled"]
    return pd.DataFrame(summary, columns=columns).set_index("score")


def scores_in(table: pd.DataFrame) -> list[str]:
    """Name the columns that are scores: those of all nuclei in the order of `TITLES`, then those of each class."""
    of_all = [name for name in TITLES if name in table]
    return of_all + [name for name in map(str, table) if ":" in name and name.partition(":")[0] in TITLES]


def title_of(score: str) -> str:
    """What to call a score where it is read: "detection recall, stroma" for `detection_recall:stroma`."""
    name, _, group = score.partition(":")
    return f"{TITLES[name]}, {group}" if group else TITLES[name]


def is_count(score: str) -> bool:
    """Whether a score is a number of nuclei."""
    return score.partition(":")[0] in COUNTS


def render_summary(summary: pd.DataFrame) -> Group:
    """The summary as a table to print, with the reasons for what it lacks below it."""
    whole, by_class = of_all_nuclei(summary), class_table(summary)
    pooled = whole["pooled"].notna().any()
    table = Table("score")
    for column in ("mean", "95 % interval", *(["pooled"] if pooled else [])):
        table.add_column(column, justify="right")
    for score, row in whole.iterrows():
        digits = 1 if is_count(str(score)) else 3
        cells = [f"{row['mean']:.{digits}f}", f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"]
        if pooled:
            cells.append(f"{row['pooled']:.{0 if is_count(str(score)) else 3}f}")
        table.add_row(title_of(str(score)), *("" if "nan" in cell else cell for cell in cells))
    images = int(summary["images"].max())
    notes = [f"mean over {plural(images, 'image')}"]
    if pooled:
        notes[0] += "; pooled: the nuclei of all images taken together"
    return Group(table, *notes, *explain_gaps(summary), *([render_classes(by_class)] if len(by_class) else []))


def explain_empty(table: pd.DataFrame) -> list[str]:
    """Say how many images have no true nuclei: their scores are 0 or 1, and move the means."""
    if "true_count" not in table:
        return []
    empty = int((table["true_count"] == 0).sum())
    if not empty:
        return []
    return [
        f"{plural(empty, 'image')} without true nuclei: scores there are 1 where nothing was found, else 0; they count "
        "in the means"
    ]


def explain_groups(table: pd.DataFrame) -> list[str]:
    """Say that intervals are over groups, where it is known which images belong together."""
    if "group" not in table:
        return []
    number = table["group"].nunique()
    if number == 1:  # there is no interval, and `explain_gaps` says why
        return []
    few = f"; they are rough, with fewer than {FEW_GROUPS} groups" if number < FEW_GROUPS else ""
    return [
        f"{plural(len(table), 'image')} of {plural(number, 'group')} (patients, slides): intervals draw whole groups, "
        f"since images of one group resemble each other{few}"
    ]


def explain_gaps(summary: pd.DataFrame) -> list[str]:
    """Say why intervals or scores per nucleus are missing, where they are."""
    images = int(summary["images"].max())
    with_objects = int(summary["images"].get("aji", 0))
    reasons = [WHY_NO_INTERVAL if images == 1 else WHY_ONE_GROUP] if summary["low"].isna().all() else []
    if "dice" not in summary.index:
        reasons.append(WHY_NO_OUTLINES)
    elif with_objects < images:
        which = f" ({with_objects} of {images} images have them)" if with_objects else ""
        reasons.append(WHY_NO_OBJECTS + which)
    return reasons


def write_scores(
    table: pd.DataFrame, folder: Path, notes: Sequence[str] = (), **about: Any
) -> dict[str, dict[str, float | None]]:
    """Write `per_image.csv`, `summary.csv` and `scores.json`, each whole or not at all.

    Parameters
    ----------
    table : DataFrame
        One row per image: `name`, its scores, and its `group` where images belong together.
    folder : Path
        Made if missing.
    notes : sequence of str
        What a reader of the scores should know, beside gaps and empty images.
    **about
        What was compared (paths, model, split), kept in `scores.json`.

    Returns
    -------
    dict
        Score: `mean`, `low`, `high`, `images`, `pooled`; None in place of what is not defined, such as the interval
        of a single image.

    Raises
    ------
    NusegError
        The folder cannot be written.
    """
    summary = summarise(table)
    with atomic_path(folder / "per_image.csv") as path:
        table.to_csv(path, index=False)
    with atomic_path(folder / "summary.csv") as path:
        summary.to_csv(path)
    scores = {
        str(score): {str(key): None if np.isnan(value) else float(value) for key, value in row.items()}
        for score, row in summary.iterrows()
    }  # JSON has no NaN: null
    said = [*notes, *explain_groups(table), *explain_gaps(summary), *explain_empty(table)]
    record = {**about, "images": len(table), "notes": said, "scores": scores}
    with atomic_path(folder / "scores.json") as path:
        path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    return scores


def _pool(table: pd.DataFrame) -> dict[str, float]:
    totals = {name: float(table[name].sum()) for name in map(str, table) if is_count(name)}
    parts = {name: float(table[name].sum()) for name in map(str, table) if name.partition(":")[0] in classes.SUMMED}
    of_classes = classes.pooled_rates(totals | parts)
    return {**totals, **_pool_matches(table, totals), **_pool_detection(totals), **of_classes}


def _pool_matches(table: pd.DataFrame, totals: Mapping[str, float]) -> dict[str, float]:
    """Scores by IoU; only images that have them count, not those of points or masks among them."""
    if "matched" not in table:
        return {}
    of_outlines = table[table["matched"].notna()]
    matched = totals["matched"]
    true_count, pred_count = (float(of_outlines[key].sum()) for key in ("true_count", "pred_count"))
    empty = true_count + pred_count == 0
    dq = ratio(2 * matched, true_count + pred_count, empty)
    sq = ratio(float((table["sq"] * table["matched"]).sum()), matched, empty)
    return {
        "pq": dq * sq,
        "dq": dq,
        "sq": sq,
        "f1": dq,
        "object_precision": ratio(matched, pred_count, empty),
        "object_recall": ratio(matched, true_count, empty),
    }


def _pool_detection(totals: Mapping[str, float]) -> dict[str, float]:
    """Scores by distance: of all nuclei, and of each class."""
    pooled = detection_rates(totals) if "detected" in totals else {}
    for group in (name.partition(":")[2] for name in totals if name.startswith("detected:")):
        own = {name.partition(":")[0]: value for name, value in totals.items() if name.partition(":")[2] == group}
        pooled |= {f"{name}:{group}": value for name, value in class_rates(own).items()}
    return pooled
