"""How the page on a cohort writes numbers, notes and tables."""

from collections.abc import Sequence
from html import escape

import numpy as np

from nuseg.text import plural


def number(value: float | None, digits: int = 0) -> str:
    """Write a number with separators; a dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{value:,.{digits}f}"


def interval(low: float | None, high: float | None) -> str:
    """Write the ends of an interval; a dash where there is none."""
    return "–" if low is None or high is None else f"{number(low)}–{number(high)}"


def note_html(text: str) -> str:
    """A remark, as HTML."""
    return f'<p class="note">{escape(text)}</p>'


def table_html(head: Sequence[str], rows: Sequence[str], kind: str = "") -> str:
    """A table of rows that are HTML already; `kind` is its class of style."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead>{"".join(rows)}</table></div>'


def row_html(values: Sequence[str]) -> str:
    """A row of texts."""
    return "<tr>" + "".join(f"<td>{escape(value)}</td>" for value in values) + "</tr>"


def more_html(count: int, limit: int, noun: str, file: str) -> str:
    """A remark that only the first are shown; nothing where all are."""
    return note_html(f"The first {limit:,} of {plural(count, noun)}; {file} has all.") if count > limit else ""
