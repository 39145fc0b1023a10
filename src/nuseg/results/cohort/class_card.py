"""What the page on a cohort shows of the classes of nuclei."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from nuseg.measure.classes import class_colours, hexadecimal
from nuseg.report.page import card
from nuseg.report.strips import Strip, mix_svg, strips_svg
from nuseg.results.cohort.cells import interval, more_html, note_html, number, row_html, table_html
from nuseg.results.cohort.classes import ClassRow, class_names, densities_of
from nuseg.results.cohort.gather import Cohort, Entry
from nuseg.results.cohort.groups import mean_interval
from nuseg.text import plural

ROWS, GROUPS, DRAWN = 200, 20, 12  # of the table, groups, and classes that are drawn
HINT = (
    "The class of a nucleus is the most probable one. A count is expected between its two bounds if every nucleus was "
    "given its class rightly: how often it is, nuseg evaluate says, on images of yours in which classes are annotated."
)


def classes_card(cohort: Cohort, rows: Sequence[ClassRow]) -> str:
    """The section on classes: numbers of each in every group, and the densities of patients."""
    names = class_names(cohort.entries)
    colours = class_colours(names)
    groups = ["group"] if cohort.grouped else []
    head = [*groups, "class", "images", "nuclei", "expected between", "share", "nuclei per mm²", "95 % interval"]
    shown = [
        row_html(
            [
                *([row.group or "no group"] if groups else []),
                row.class_name,
                number(row.images),
                number(row.nuclei),
                interval(row.nuclei_low, row.nuclei_high),
                "–" if row.share is None else f"{row.share:.1%}",
                number(row.mean_per_mm2),
                interval(row.mean_low, row.mean_high),
            ]
        )
        for row in rows[:ROWS]
    ]
    mixes = []
    for group in cohort.groups[:GROUPS]:
        counts = {row.class_name: row.nuclei for row in rows if row.group == group}
        title = f"<h3>{escape(group or 'no group')}</h3>" if groups else ""
        mixes.append(title + mix_svg(counts, {name: hexadecimal(colours[name]) for name in counts}))
    body = "".join(mixes) + _key(names) + table_html(head, shown, "numbers")
    body += more_html(len(rows), ROWS, "row", "report_classes.csv")
    return card("Classes of nuclei", body + _strips(cohort, names), HINT)


def mix_of(entry: Entry, names: Sequence[str]) -> str:
    """The classes in a result as a bar: `names` are those of the cohort, so that a class has one colour."""
    colours = class_colours(names)
    counts = {name: count for name, count in entry.row.classes.items() if name in colours}
    return mix_svg(counts, {name: hexadecimal(colours[name]) for name in counts})


def class_facts(counts: Mapping[str, int]) -> dict[str, str]:
    """How many nuclei of each class a result has, in words."""
    total = sum(counts.values())
    return {name: f"{number(count)} ({count / total:.0%})" if total else "0" for name, count in counts.items()}


def _key(names: Sequence[str]) -> str:
    swatches = "".join(
        f'<span><i style="background:{hexadecimal(colour)}"></i>{escape(name)}</span>'
        for name, colour in class_colours(names).items()
    )
    return f'<p class="key">{swatches}</p>'


def _strips(cohort: Cohort, names: Sequence[str]) -> str:
    """Densities of patients by class, group by group; nothing for a single image."""
    if len(cohort.entries) < 2:
        return ""
    unit = "patient" if cohort.has_patients else "image"
    parts = [note_html(f"Each point is one {unit}. Intervals are of the mean of the {unit}s (Student's t).")]
    for group in cohort.groups[:GROUPS]:
        own = [entry for entry in cohort.entries if entry.group == group]
        strips = []
        for name in names[:DRAWN]:
            found = densities_of(own, name)
            values = np.array(list(found.values()))
            low, mean, high = mean_interval(values)
            strips.append(Strip(name, values, list(found), mean, low, high))
        title = f"<h3>{escape(group or 'no group')}</h3>" if cohort.grouped else ""
        parts.append(f'{title}<div class="strips">{strips_svg(strips, "nuclei per mm²")}</div>')
    left = len(names) - DRAWN
    parts += [note_html(f"Not drawn: {plural(left, 'more class', 'more classes')}.")] if left > 0 else []
    return "".join(parts)
