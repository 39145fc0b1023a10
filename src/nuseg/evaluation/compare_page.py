"""The page of a comparison: the answer first, then the differences image by image."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from nuseg.evaluation.charts import differences_chart, values_chart
from nuseg.evaluation.page import beside, html_table, interval, key_figure, said
from nuseg.evaluation.pairs import DECIDING, LOWER_IS_BETTER, Pair, p_in_words, round_number, signed, units
from nuseg.evaluation.report import is_count, title_of
from nuseg.report.page import card, document
from nuseg.text import printable

HOW = (
    "Both are scored on the same images, and the difference is taken image by image: images differ more than models. "
    "The interval is a 95 % bootstrap interval of the mean difference. The p-value is that of a permutation test: how "
    "often a mean so far from 0 comes about when the signs of the differences are left to chance. Where it is known "
    "which images are of one patient or slide, both take whole groups. Below 0.05 two count as different; with several "
    "comparisons p-values are corrected (Holm 1979). The number of further images is that of a paired t test of this "
    "difference and spread, with a power of 80 %. Only the score that decides is tested; the others describe."
)


@dataclass(frozen=True, eq=False)
class ComparePage:
    """What the page shows.

    Attributes
    ----------
    score : str
        That decides.
    summary : DataFrame
        Index: names of candidates; `mean`, `low`, `high`, `images` of the score.
    pairs : sequence of Pair
    warnings, notes : sequence of str
    """

    score: str
    summary: pd.DataFrame
    pairs: Sequence[Pair]
    warnings: Sequence[str]
    notes: Sequence[str]


def render_comparison(page: ComparePage) -> str:
    """Make the page: HTML whose texts are escaped."""
    names = ", ".join(map(str, page.summary.index))
    how = card("How this is decided", f"<p>{escape(HOW)}</p>")
    sections = [_answer(page), *map(_pair, page.pairs), _scores(page), how]
    closing = "images.csv and differences.csv have all numbers."
    lead = f"by {title_of(page.score)}, on {units(page.pairs[0].test)}"
    return document(f"nuseg compare: {printable(names)}", lead, "\n".join(sections), closing)


def chart_of(pair: Pair) -> str:
    """The picture of the paired differences of two candidates, as SVG."""
    differences = list(zip(pair.images["name"].astype(str), pair.images["difference"].astype(float), strict=True))
    test = pair.test
    return differences_chart(
        differences, (test.mean, test.low, test.high), (pair.first, pair.second), title_of(pair.score)
    )


def _answer(page: ComparePage) -> str:
    verdicts = "".join(f"<p><strong>{escape(printable(pair.verdict))}</strong></p>" for pair in page.pairs)
    return card("Answer", verdicts + said(page.warnings, page.notes))


def _scores(page: ComparePage) -> str:
    digits = 1 if is_count(page.score) else 3
    own = page.summary.reset_index(names="value")
    rows = [
        (
            str(row["value"]),
            f"{row['mean']:.{digits}f}",
            interval(row["low"], row["high"], digits),
            f"{row['images']:.0f}",
        )
        for _, row in own.iterrows()
    ]
    table = html_table(("", title_of(page.score), "95 % interval", "images"), rows)
    chart = values_chart(own, title_of(page.score))
    hint = "These intervals may overlap where the differences below tell two apart: images differ more than models."
    return card("Scores", beside(chart, table), hint)


def _pair(pair: Pair) -> str:
    test = pair.test
    between = "" if pd.isna(test.low) else f"{signed(test.low, pair.score)} to {signed(test.high, pair.score)}"
    p = p_in_words(pair.p).removeprefix("p ").removeprefix("= ")
    figures = [
        key_figure(f"difference in {title_of(pair.score)}", signed(test.mean, pair.score), between),
        key_figure("p", p, "corrected" if pair.comparisons > 1 else ""),
        key_figure("images", f"{test.images:,}", f"{test.groups:,} groups" if test.groups < test.images else ""),
        key_figure("more images needed", _more(pair), ""),
    ]
    others = [
        (
            title_of(str(score)),
            f"{row['first']:.{_digits(score)}f}",
            f"{row['second']:.{_digits(score)}f}",
            signed(row["difference"], str(score)),
            "" if pd.isna(row["low"]) else f"{signed(row['low'], str(score))} to {signed(row['high'], str(score))}",
        )
        for score, row in pair.others.iterrows()
        if str(score) in LOWER_IS_BETTER or not is_count(str(score))
    ]
    names = pair.first, pair.second
    body = (
        f"<dl>{''.join(figures)}</dl>"
        f"<h3>Image by image</h3>{chart_of(pair)}<h3>Images that decide</h3>{_deciding(pair)}"
        f"<h3>All scores</h3>{html_table(('score', *names, 'difference', '95 % interval'), others)}"
    )
    return card(f"{printable(pair.second)} against {printable(pair.first)}", body)


def _deciding(pair: Pair) -> str:
    """The images with the largest differences, for the one and for the other."""
    high = pair.images[pair.images["difference"] > 0].head(DECIDING)
    low = pair.images[pair.images["difference"] < 0][::-1].head(DECIDING)
    parts = []
    for title, rows in ((f"higher in {pair.second}", high), (f"higher in {pair.first}", low)):
        cells = [
            (
                str(row["name"]),
                *([str(row["group"])] if "group" in rows else []),
                f"{row['first']:.{_digits(pair.score)}f}",
                f"{row['second']:.{_digits(pair.score)}f}",
                signed(row["difference"], pair.score),
            )
            for _, row in rows.iterrows()
        ]
        head = (title, *(["group"] if "group" in rows else []), pair.first, pair.second, "difference")
        parts.append(f"<div>{html_table(head, cells or [('none',)])}</div>")
    return f'<div class="columns even">{"".join(parts)}</div>'


def _more(pair: Pair) -> str:
    if pair.more_images == 0 or pair.same:
        return "none"
    return "beyond reach" if pair.more_images is None else f"about {round_number(pair.more_images):,}"


def _digits(score: object) -> int:
    return 1 if is_count(str(score)) else 3
