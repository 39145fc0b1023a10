"""The page of an evaluation: one HTML file with scores, errors, counts and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from nuseg.evaluation.charts import (
    agreement_chart,
    confusion_chart,
    curve_chart,
    kinds_chart,
    recall_chart,
    reliability_chart,
    values_chart,
)
from nuseg.evaluation.class_table import HEADINGS, cells_of, class_table, of_all_nuclei
from nuseg.evaluation.class_table import HINT as CLASS_HINT
from nuseg.evaluation.errors import MEANING, Kind
from nuseg.evaluation.report import is_count, title_of
from nuseg.evaluation.scoring import ShownError
from nuseg.evaluation.views import Agreement, Reliability
from nuseg.report.page import card, data_uri, document, pairs_html
from nuseg.text import plural, printable
from nuseg.types import RGB

ROWS = 200  # images in the table of the page; per_image.csv has all
KEY = ("aji", "pq", "f1", "detection_f1", "dice")  # scores in large letters
FIRST = ("aji", "pq", "f1", "dice", "detection_f1", "true_count", "pred_count")  # columns of that table
UNITS = {"um": "µm"}
OUTLINES = "Green, wide: annotated. Yellow, narrow: predicted."


@dataclass(frozen=True, eq=False)
class WorstImage:
    """One of the images with the lowest score, drawn: `pixels` (h, w, 3) uint8."""

    caption: str
    pixels: RGB


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """What the page shows; what is None or empty is left out.

    Attributes
    ----------
    title, lead : str
    facts : mapping of str to str
        What was compared.
    main : str
        The score that images are ranked by.
    summary : DataFrame
        As of `nuseg.evaluation.summarise`.
    table : DataFrame
        One row per image.
    warnings, notes : sequence of str
    by : DataFrame
        As of `views.summarise_by`.
    curve, kinds, recall : DataFrame or None
        F1 over IoU, errors by kind, recall by size.
    unit : str
        Of diameters: um or px.
    agreement : Agreement or None
    reliability : Reliability or None
    confusion : DataFrame or None
        Which classes were taken for which.
    ignored : mapping of str to float
        Share of each image that is not scored.
    shown : mapping of Kind to sequence of ShownError
    worst : sequence of WorstImage
    failed : mapping of str to str
        Images that could not be scored, and why.
    """

    title: str
    lead: str
    facts: Mapping[str, str]
    main: str
    summary: pd.DataFrame
    table: pd.DataFrame
    warnings: Sequence[str]
    notes: Sequence[str]
    by: pd.DataFrame
    curve: pd.DataFrame | None
    kinds: pd.DataFrame | None
    recall: pd.DataFrame | None
    unit: str
    agreement: Agreement | None
    reliability: Reliability | None
    confusion: pd.DataFrame | None
    ignored: Mapping[str, float]
    shown: Mapping[Kind, Sequence[ShownError]]
    worst: Sequence[WorstImage]
    failed: Mapping[str, str]


def render_evaluation(report: EvaluationReport) -> str:
    """Make the page: HTML whose texts are escaped, with all pictures inside."""
    by_class = class_table(report.summary)
    sections = [_scores(report)]
    sections += [_by(report)] if len(report.by) else []
    sections += [_kinds(report)] if report.kinds is not None else []
    sections += [_outlines(report)] if report.curve is not None else []
    sections += [_counts(report, report.agreement)] if report.agreement is not None else []
    sections += [_reliability(report.reliability)] if report.reliability is not None else []
    sections += [_classes(by_class, report.confusion)] if len(by_class) else []
    sections += [_ignored(report)] if report.ignored else []
    sections += [_worst(report)] if report.worst else []
    sections.append(_images(report))
    sections += [_failed(report)] if report.failed else []
    return document(report.title, report.lead, "\n".join(sections), "Every score is defined in nuseg's reference.")


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts that may be wider than the page."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(printable(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def beside(left: str, right: str) -> str:
    """Two parts of a section beside each other."""
    return f'<div class="columns"><div>{left}</div><div>{right}</div></div>'


def figures(pictures: Sequence[tuple[str, RGB]], arranged: str = "gallery four") -> str:
    """Pictures with a line below each: "gallery four", small ones in rows, or "stack", one below the other."""
    shown = "".join(
        f'<figure><img src="{data_uri(pixels)}" width="{pixels.shape[1]}" height="{pixels.shape[0]}" '
        f'alt="{escape(printable(caption))}"><figcaption>{escape(printable(caption))}</figcaption></figure>'
        for caption, pixels in pictures
    )
    return f'<div class="{arranged}">{shown}</div>'


def key_figure(name: str, value: str, between: str) -> str:
    """A number in large letters, with its interval in small ones."""
    small = f"<small>{escape(between)}</small>" if between else ""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{small}</dd></div>"


def interval(low: float, high: float, digits: int = 3) -> str:
    """An interval in words; nothing where there is none."""
    return "" if pd.isna(low) or pd.isna(high) else f"{low:.{digits}f} to {high:.{digits}f}"


def said(warnings: Sequence[str], notes: Sequence[str]) -> str:
    """Warnings and notes as paragraphs."""
    parts = [f'<p><span class="level warning">warning</span> {escape(printable(text))}</p>' for text in warnings]
    return "".join([*parts, *(f'<p class="note">{escape(printable(text))}</p>' for text in notes)])


def _scores(report: EvaluationReport) -> str:
    rows = []
    for score, row in of_all_nuclei(report.summary).iterrows():
        digits = 1 if is_count(str(score)) else 3
        pooled = "" if pd.isna(row["pooled"]) else f"{row['pooled']:.{0 if is_count(str(score)) else 3}f}"
        mean = "" if pd.isna(row["mean"]) else f"{row['mean']:.{digits}f}"
        rows.append((title_of(str(score)), mean, interval(row["low"], row["high"], digits), pooled))
    known = {title: (mean, between) for title, mean, between, _ in rows if mean}
    first = "".join(key_figure(title_of(score), *known[title_of(score)]) for score in KEY if title_of(score) in known)
    table = html_table(("score", "mean over images", "95 % interval", "all nuclei pooled"), rows)
    body = f"<dl>{first}</dl>" + said(report.warnings, report.notes)
    body += pairs_html(report.facts, ' class="small"') + "<h3>Over all images</h3>" + table
    return card("Scores", body)


def _by(report: EvaluationReport) -> str:
    parts = []
    main = report.by[report.by["score"] == report.main]
    for column in dict.fromkeys(main["column"]):
        own = main[main["column"] == column]
        rows = [
            (row["value"], f"{row['images']}", f"{row['mean']:.3f}", interval(row["low"], row["high"]))
            for _, row in own.iterrows()
        ]
        table = html_table((column, "images", title_of(report.main), "95 % interval"), rows)
        chart = values_chart(own, title_of(report.main))
        parts.append(f"<h3>{escape(printable(column))}</h3>{beside(chart, table)}")
    hint = "by_column.csv has all scores. Differences between few images may be chance: look at the intervals."
    return card(f"{title_of(report.main)} by group", "".join(parts), hint)


def _kinds(report: EvaluationReport) -> str:
    kinds = report.kinds
    assert kinds is not None
    present = kinds[(kinds["errors"] > 0) | kinds["kind"].isin(["missed", "false"])]
    rows = [
        (
            row["kind"],
            MEANING[row["kind"]],
            f"{row['errors']:,}",
            f"{row['true']:,}",
            f"{row['predicted']:,}",
            row["most"],
        )
        for _, row in present.iterrows()
    ]
    head = ("kind", "is", "errors", "annotated nuclei lost", "predictions wrong", "most of them in")
    parts = [kinds_chart(present), html_table(head, rows)]
    for kind, shown in report.shown.items():
        if shown:
            pictures = figures([(one.name, one.pixels) for one in shown])
            parts.append(f"<h3>The largest: {escape(kind)}</h3>{pictures}")
    drawn = f" {OUTLINES}" if any(report.shown.values()) else ""
    return card(
        "Errors by kind",
        "".join(parts),
        f"A nucleus without a match (IoU above 0.5, or within the radius where nuclei are points) belongs to one kind."
        f"{drawn}",
    )


def _outlines(report: EvaluationReport) -> str:
    assert report.curve is not None
    parts = [f"<div><h3>F1 over IoU</h3>{curve_chart(report.curve)}</div>"]
    if report.recall is not None and len(report.recall):
        unit = UNITS.get(report.unit, report.unit)
        parts.append(f"<div><h3>Size of nuclei and recall</h3>{recall_chart(report.recall, unit)}</div>")
    return card(
        "Outlines and sizes",
        f'<div class="columns even">{"".join(parts)}</div>',
        "Left: mean over images; a pair counts where its IoU is above the value. Right: share of annotated nuclei that "
        "were found, in classes of about as many nuclei by the diameter of a disc of the same area. Bands and lines "
        "are 95 % intervals.",
    )


def _counts(report: EvaluationReport, agreement: Agreement) -> str:
    facts = {
        "bias per image": f"{agreement.bias:+.1f} nuclei ({agreement.share:+.1%})",
        "limits of agreement": f"{agreement.low:+.1f} to {agreement.high:+.1f}",
        "images": f"{agreement.images:,}",
    }
    return card(
        "Counts",
        beside(agreement_chart(report.table, agreement), pairs_html(facts)),
        "Bland and Altman 1986: 95 % of the differences lie between the limits, if they are normally distributed.",
    )


def _reliability(found: Reliability) -> str:
    count = int(found.table["count"].sum())
    facts = {"mean distance": f"{found.error:.3f}", "nuclei": f"{count:,}"}
    return card(
        "Probabilities",
        beside(reliability_chart(found.table), pairs_html(facts)),
        "Of nuclei that the model states with 80 %, 80 % should be right (have a match). Points above the line: the "
        "model is too careful; below it, too sure. A larger point stands for more nuclei. The distance is the expected "
        "calibration error.",
    )


def _classes(by_class: pd.DataFrame, confusion: pd.DataFrame | None) -> str:
    head = ("class", *(HEADINGS[str(score)] for score in by_class))
    body = html_table(head, [(str(name), *cells_of(row)) for name, row in by_class.iterrows()])
    if confusion is None:
        return card("Classes", body, CLASS_HINT)
    rows = [(str(name), *(f"{count:,}" for count in row)) for name, row in confusion.iterrows()]
    counts = html_table(("annotated as", *map(str, confusion)), rows)
    body += f"<h3>What was taken for what</h3>{confusion_chart(confusion)}{counts}"
    return card(
        "Classes",
        body,
        f"{CLASS_HINT} Below, each row: the nuclei annotated as a class, and what they were predicted as; the share in "
        "percent, and the darker the larger it is. The last row and column are nuclei that have no partner within the "
        "radius.",
    )


def _ignored(report: EvaluationReport) -> str:
    ranked = sorted(report.ignored.items(), key=lambda each: -each[1])
    rows = [(name, f"{share:.1%}") for name, share in ranked[:ROWS]]
    share = sum(report.ignored.values()) / max(len(report.table), 1)
    text = (
        f"In {plural(len(ranked), 'image')} it is not known of some areas what is there. They are left out of every "
        f"score: {share:.1%} of all pixels, on average."
    )
    return card("Areas left out", f"<p>{escape(text)}</p>" + html_table(("image", "left out"), rows))


def _worst(report: EvaluationReport) -> str:
    pictures = figures([(one.caption, one.pixels) for one in report.worst], "stack")
    return card("The worst images", pictures, f"{OUTLINES} Hatched: not scored.")


def _images(report: EvaluationReport) -> str:
    table = report.table.sort_values(report.main) if report.main in report.table else report.table
    scores = [score for score in FIRST if score in table]
    others = [column for column in ("group", *dict.fromkeys(report.by.get("column", ()))) if column in table]
    others = list(dict.fromkeys(others))
    rows = [
        (
            str(row["name"]),
            *(str(row[column]) for column in others),
            *("" if pd.isna(row[score]) else f"{row[score]:.{0 if is_count(score) else 3}f}" for score in scores),
        )
        for _, row in table.head(ROWS).iterrows()
    ]
    more = f" The first {ROWS} of {len(table):,}." if len(table) > ROWS else ""
    body = html_table(("image", *others, *map(title_of, scores)), rows)
    return card("Image by image", body, f"The worst first.{more} per_image.csv has all images and scores.")


def _failed(report: EvaluationReport) -> str:
    return card("Not scored", html_table(("image", "why"), list(report.failed.items())))
