"""From pairs of label images to tables: scores per image, their means with intervals, files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group
from rich.table import Table

from nuseg.evaluation.contingency import ratio
from nuseg.evaluation.object import object_scores
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.io.atomic import atomic_path
from nuseg.text import plural
from nuseg.types import LabelImage

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
    "true_count": "true nuclei",
    "pred_count": "predicted nuclei",
    "count_error": "count error",
    "abs_count_error": "absolute count error",
}
COUNTS = ("matched", "true_count", "pred_count", "count_error", "abs_count_error")
WHY_NO_OBJECTS = "scores per nucleus left out: the annotation is a mask, in which touching nuclei are one"
WHY_NO_INTERVAL = "no interval: it takes two images or more"


def score_image(true_labels: LabelImage, pred_labels: LabelImage, instance: bool = True) -> dict[str, float]:
    """All scores of one image; see `pixel_scores` and `object_scores` for what each means.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images, 0 = background; any integer dtype, numbers need not be consecutive.
    instance : bool
        False where the truth is a mask in which touching nuclei are merged (`annotation` "binary"): scores per
        nucleus would be wrong and are left out.

    Raises
    ------
    NusegError
        The arrays are no label images or differ in size.
    """
    scores = pixel_scores(true_labels, pred_labels)
    return {**scores, **object_scores(true_labels, pred_labels)} if instance else scores


def summarise(rows: pd.DataFrame | Iterable[Mapping[str, Any]], seed: int = 0) -> pd.DataFrame:
    """Mean over images of every score, with its 95 % bootstrap interval.

    Parameters
    ----------
    rows
        One per image, from `score_image`; entries that are not scores (`name`) are left out.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Index `score`; columns `mean`, `low`, `high`, `images` and `pooled`. The interval of a single image is
        NaN. `pooled` is the score of all nuclei of all images taken together, where the literature defines it so
        (PQ, DQ, SQ, F1, precision, recall), the sum for counts, and NaN for the others.
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    pooled = _pool(table)
    summary = []
    for score in (name for name in TITLES if name in table):
        values = table[score].to_numpy(float)
        mean, low, high = bootstrap_ci(values, seed)
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


def render_summary(summary: pd.DataFrame) -> Group:
    """The summary as a table to print, with the reasons for what it lacks below it."""
    pooled = summary["pooled"].notna().any()
    table = Table("score")
    for column in ("mean", "95 % interval", *(["pooled"] if pooled else [])):
        table.add_column(column, justify="right")
    for score, row in summary.iterrows():
        digits = 1 if score in COUNTS else 3
        cells = [f"{row['mean']:.{digits}f}", f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"]
        if pooled:
            cells.append(f"{row['pooled']:.{0 if score in COUNTS else 3}f}")
        table.add_row(TITLES[str(score)], *("" if "nan" in cell else cell for cell in cells))
    images = int(summary["images"].max())
    notes = [f"mean over {plural(images, 'image')}"]
    if pooled:
        notes[0] += "; pooled: the nuclei of all images taken together"
    return Group(table, *notes, *explain_gaps(summary))


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


def explain_gaps(summary: pd.DataFrame) -> list[str]:
    """Say why intervals or scores per nucleus are missing, where they are."""
    images = int(summary["images"].max())
    with_objects = int(summary["images"].get("aji", 0))
    reasons = [WHY_NO_INTERVAL] if images == 1 else []
    if with_objects < images:
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
        One row per image: `name` and its scores.
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
    said = [*notes, *explain_gaps(summary), *explain_empty(table)]
    record = {**about, "images": len(table), "notes": said, "scores": scores}
    with atomic_path(folder / "scores.json") as path:
        path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    return scores


def _pool(table: pd.DataFrame) -> dict[str, float]:
    if "matched" not in table:
        return {}
    totals = table[list(COUNTS)].sum()
    matched, true_count, pred_count = (float(totals[key]) for key in ("matched", "true_count", "pred_count"))
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
        **{str(key): float(value) for key, value in totals.items()},
    }
