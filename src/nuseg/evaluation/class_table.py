"""Scores of classes, one row per class, of the summary of all scores."""

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from nuseg.text import printable

HEADINGS = {
    "true_count": "true",
    "pred_count": "predicted",
    "detection_recall": "found",
    "class_f1": "F1",
    "matched_class_f1": "class F1",
    "hovernet_f1": "Fc",
    "class_pq": "PQ",
}
"""What is shown of each class, with the headings; `docs/reference.md` says what each means."""
COUNTED = ("true_count", "pred_count")
HINT = (
    "Of each class, the nuclei of all images taken together. Found: share of the annotated nuclei that were found, "
    "whatever class they were given. F1: found, and of the right class. Class F1: of those found, whether the class is "
    "right. Fc: F of HoVer-Net, in which a wrong class counts twice as much as a nucleus missed or too many."
)


def class_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Pick out scores of classes.

    Parameters
    ----------
    summary : DataFrame
        As of `nuseg.evaluation.summarise`, with scores `NAME:CLASS`.

    Returns
    -------
    DataFrame
        Index: classes; columns: those of `HEADINGS` that are known, over the nuclei of all images together.
    """
    named = [score.partition(":") for score in map(str, summary.index) if ":" in score]
    classes = list(dict.fromkeys(name for _, _, name in named))
    known = [score for score in HEADINGS if any(score == own for own, _, _ in named)]
    pooled = summary["pooled"]
    rows = [[pooled.get(f"{score}:{name}", float("nan")) for score in known] for name in classes]
    return pd.DataFrame(rows, pd.Index(classes, name="class", dtype=object), known, float)


def of_all_nuclei(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a summary that are not of a class."""
    return summary[[":" not in str(score) for score in summary.index]]


def cells_of(row: "pd.Series[float]") -> list[str]:
    """The values of a row of `class_table` as texts; nothing in place of what is not defined."""
    return [
        "" if pd.isna(value) else f"{value:,.0f}" if score in COUNTED else f"{value:.3f}"
        for score, value in row.items()
    ]


def render_classes(by_class: pd.DataFrame) -> Group:
    """The scores of classes as a table to print."""
    table = Table()
    table.add_column("class", overflow="fold")
    for score in by_class:
        table.add_column(HEADINGS[str(score)], justify="right")
    for name, row in by_class.iterrows():
        table.add_row(Text(printable(name)), *cells_of(row))
    fc = "; Fc: HoVer-Net's F of detection and class" if "hovernet_f1" in by_class else ""
    return Group(table, f"of each class, the nuclei of all images taken together{fc}")
