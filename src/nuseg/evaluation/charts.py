"""The charts of evaluations and comparisons, as inline SVG."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from nuseg.evaluation.views import Agreement
from nuseg.report.chart import Axis, Chart, room_for
from nuseg.text import plural, printable

ROW = 26  # px of a row of a chart with names


def curve_chart(curve: pd.DataFrame) -> str:
    """F1 over IoU, of `views.f1_by_iou`."""
    chart = Chart(Axis("IoU above which a pair matches", 0.48, 0.97), Axis("F1", 0, 1))
    x, mean = curve["iou"].tolist(), curve["mean"].tolist()
    dots = [
        chart.dot(row["iou"], row["mean"], f"IoU {row['iou']:.2f}: F1 {row['mean']:.3f}, pooled {row['pooled']:.3f}")
        for _, row in curve.iterrows()
    ]
    return chart.svg(chart.band(x, curve["low"].tolist(), curve["high"].tolist()), chart.line(x, mean), *dots)


def recall_chart(recall: pd.DataFrame, unit: str) -> str:
    """Share of nuclei found by diameter, of `views.recall_by_size`."""
    top = float(recall["high"].max())
    chart = Chart(Axis(f"diameter of a nucleus ({unit})", min(0.0, top), max(top, 1e-9) * 1.02), Axis("recall", 0, 1))
    marks = []
    for _, row in recall.iterrows():
        title = f"{row['low']:.1f} to {row['high']:.1f} {unit}: {row['recall']:.1%} of {int(row['nuclei']):,} nuclei"
        middle = (row["low"] + row["high"]) / 2
        marks.append(chart.bar((row["low"], row["high"]), (0, row["recall"]), title))
        marks.append(chart.whisker((middle, middle), (row["recall_low"], row["recall_high"])))
    return chart.svg(*marks)


def kinds_chart(kinds: pd.DataFrame) -> str:
    """Number of errors of each kind, of `views.errors_by_kind`; the most important on top."""
    names = tuple(kinds["kind"][::-1])
    counts = kinds["errors"].tolist()[::-1]
    top = max([*counts, 1]) * 1.08
    height = Chart.TOP + Chart.BOTTOM + ROW * len(names)
    chart = Chart(
        Axis("errors", 0, top), Axis("", -0.5, len(names) - 0.5), 760, height, room_for(names), 40, names=names
    )
    marks = [
        chart.bar((0, count), (place - 0.32, place + 0.32), f"{name}: {plural(count, 'error')}")
        + chart.text(chart.across(count) + 5, chart.up(place) + 4, f"{count:,}", style="strong")
        for place, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    return chart.svg(*marks)


def values_chart(rows: pd.DataFrame, score: str) -> str:
    """A score with its interval for each value of a column, of `views.summarise_by`."""
    names = tuple(str(value)[:40] for value in rows["value"][::-1])
    values = rows[["mean", "low", "high"]].to_numpy(float)[::-1]
    height = Chart.TOP + Chart.BOTTOM + ROW * len(names)
    chart = Chart(
        Axis.around(score, values.ravel().tolist()),
        Axis("", -0.5, len(names) - 0.5),
        480,
        height,
        room_for(names),
        names=names,
    )
    marks = []
    for place, (name, (mean, low, high)) in enumerate(zip(names, values.tolist(), strict=True)):
        if np.isfinite(mean):
            marks.append(chart.whisker((low, high), (place, place)))
            marks.append(chart.dot(mean, place, f"{name}: {mean:.3f}", 5))
    return chart.svg(*marks)


def agreement_chart(table: pd.DataFrame, agreement: Agreement) -> str:
    """Difference of counts against their mean, image by image, with bias and limits."""
    counts = table[["name", "true_count", "pred_count"]].dropna()
    difference = (counts["pred_count"] - counts["true_count"]).tolist()
    middle = ((counts["pred_count"] + counts["true_count"]) / 2).tolist()
    chart = Chart(
        Axis.around("mean of annotated and predicted number", middle),
        Axis.around("predicted less annotated", [*difference, agreement.low, agreement.high, 0]),
        width=520,
        right=60,
    )
    rules = [chart.rule_across(0)]
    for value in (agreement.low, agreement.bias, agreement.high):
        rules.append(chart.rule_across(value, f"{value:+.1f}"))
    dots = [
        chart.dot(x, y, f"{name}: {true:.0f} annotated, {found:.0f} predicted")
        for x, y, (name, true, found) in zip(middle, difference, counts.itertuples(index=False), strict=True)
    ]
    return chart.svg(*rules, *dots)


def reliability_chart(table: pd.DataFrame) -> str:
    """Share of nuclei that are right against the probability stated, with the diagonal."""
    chart = Chart(Axis("probability that the model states", 0, 1), Axis("share that is right", 0, 1))
    most = float(table["count"].max())
    dots = []
    for _, row in table.iterrows():
        nuclei = plural(int(row["count"]), "nucleus", "nuclei")
        title = f"{row['low']:.1f} to {row['high']:.1f}: {row['true']:.1%} of {nuclei}"
        dots.append(chart.dot(row["stated"], row["true"], title, 3 + 7 * float(np.sqrt(row["count"] / most))))
    line = chart.line(table["stated"].tolist(), table["true"].tolist())
    return chart.svg(chart.line([0, 1], [0, 1], "rule"), line, *dots)


def differences_chart(
    differences: Sequence[tuple[str, float]], mean: tuple[float, float, float], names: tuple[str, str], score: str
) -> str:
    """Paired differences, image by image from the lowest to the highest, with their mean and its interval.

    Parameters
    ----------
    differences : sequence of (str, float)
        Name of an image, and second less first.
    mean : (mean, low, high)
    names : (str, str)
        First and second.
    score : str
        What is compared.
    """
    ranked = sorted(differences, key=lambda each: each[1])
    values = [value for _, value in ranked]
    chart = Chart(
        Axis("images, from the lowest to the highest difference", -0.8, len(ranked) - 0.2, numbered=False),
        Axis.around(f"{score}: {names[1]} less {names[0]}"[:60], [*values, *mean, 0]),
        760,
        340,
        66,
        60,
    )
    bars = [
        chart.bar((place - 0.4, place + 0.4), (0, value), f"{name}: {value:+.3f}", "bar" if value >= 0 else "bar down")
        for place, (name, value) in enumerate(ranked)
    ]
    known = np.isfinite(mean[1])
    band = [chart.band([-0.8, len(ranked) - 0.2], [mean[1]] * 2, [mean[2]] * 2)] if known else []
    return chart.svg(*band, *bars, chart.rule_across(0), chart.rule_across(mean[0], f"{mean[0]:+.3f}"))


def confusion_chart(confusion: pd.DataFrame) -> str:
    """Shares of each true class by predicted class, as `Evaluation.confusion` has the numbers."""
    counts = confusion.to_numpy(float)
    names = [printable(str(name))[:24] for name in confusion]
    wide, high, left, top = 104, 52, 12 + 7 * max(map(len, names)), 44
    marks = [f'<text x="{left + wide * len(names) / 2:.0f}" y="14" text-anchor="middle">predicted as</text>']
    for place, name in enumerate(names):
        across, up = left + wide * (place + 0.5), top + high * (place + 0.5) + 4
        marks.append(f'<text x="{across:.0f}" y="{top - 8}" text-anchor="middle">{escape(name[:15])}</text>')
        marks.append(f'<text x="{left - 8}" y="{up:.0f}" text-anchor="end">{escape(name)}</text>')
    for (row, column), count in np.ndenumerate(counts):
        if row == column == len(names) - 1:
            continue
        total = counts[row].sum()
        share = count / total if total else 0.0
        x, y = left + wide * column, top + high * row
        dark = "white" if share > 0.55 else "black"
        title = f"{names[row]} as {names[column]}: {plural(int(count), 'nucleus', 'nuclei')}, {share:.1%}"
        marks.append(
            f'<g><title>{escape(title)}</title><rect x="{x}" y="{y}" width="{wide - 2}" height="{high - 2}" '
            f'fill="rgb(33,87,164)" fill-opacity="{0.05 + 0.95 * share:.3f}"/>'
            f'<text x="{x + wide / 2 - 1:.0f}" y="{y + high / 2 + 4:.0f}" text-anchor="middle" '
            f'style="fill:{dark}">{share:.0%}</text></g>'
        )
    width, height = left + wide * len(names) + 8, top + high * len(names) + 8
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'style="max-width:{width}px;width:100%" font-size="12">' + "".join(marks) + "</svg>"
    )
