"""The page of a checked dataset: every finding with its pictures, and how large nuclei are in each split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from nuseg.quality.check import Check
from nuseg.quality.finding import Finding
from nuseg.report.histogram import histogram_svg
from nuseg.report.page import card, data_uri, document, pairs_html
from nuseg.text import plural, printable
from nuseg.types import RGB, Floats

NAMES = 12  # images that a finding names; the table names all
LEGEND = (
    "Outlines: green, as annotated; yellow, the nuclei that a finding is about; blue, what the model found. A warning "
    "is to be acted on, a note to be looked at: some nuclei that look wrong are right."
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with a line below it: `pixels` (h, w, 3) uint8 RGB."""

    caption: str
    pixels: RGB


@dataclass(frozen=True, eq=False)
class Report:
    """What the page shows.

    Attributes
    ----------
    name, kind : str
        Of the dataset, and of its annotation.
    counts : mapping of str to int
        Images by split.
    findings : sequence of Finding
    pictures : mapping of int to sequence of Picture
        Pictures of the finding at each place of `findings`.
    done, left_out : sequence of Check
    diameters_um : mapping of str to (n,) float
        Diameters of nuclei by split.
    classes : mapping of str to mapping
        Nuclei of each class by split.
    model : str or None
        Name of the model that was run.
    """

    name: str
    kind: str
    counts: Mapping[str, int]
    findings: Sequence[Finding]
    pictures: Mapping[int, Sequence[Picture]]
    done: Sequence[Check[Any]]
    left_out: Sequence[Check[Any]]
    diameters_um: Mapping[str, Floats]
    classes: Mapping[str, Mapping[str | None, int]]
    model: str | None


def render_report(report: Report) -> str:
    """Make the page: HTML whose texts are escaped, with all pictures inside."""
    warnings = sum(finding.level == "warning" for finding in report.findings)
    notes = len(report.findings) - warnings
    lead = (
        f"{plural(warnings, 'warning')} and {plural(notes, 'note')} in {plural(sum(report.counts.values()), 'image')}"
    )
    sections = [_overview(report)]
    titles = {check.name: check.title for check in report.done}
    for name in dict.fromkeys(finding.check for finding in report.findings):
        cards = "\n".join(
            _finding(finding, report.pictures.get(place, ()))
            for place, finding in enumerate(report.findings)
            if finding.check == name
        )
        title = titles.get(name, "Files that cannot be read")
        sections.append(f'<section class="card" id="{escape(name)}"><h2>{escape(title)}</h2>{cards}</section>')
    sections += [_sizes(report)] if report.diameters_um else []
    sections += [_classes(report)] if report.classes else []
    sections.append(_checks(report))
    return document(f"nuseg check: {printable(report.name)}", lead, "\n".join(sections), LEGEND)


def _overview(report: Report) -> str:
    model = report.model or "not run"
    facts = {split: plural(count, "image") for split, count in report.counts.items()} | {"model": model}
    rows = "".join(
        f'<tr><td><a href="#{escape(check.name)}">{escape(check.title)}</a></td><td>{count}</td></tr>'
        for check in report.done
        if (count := sum(finding.check == check.name for finding in report.findings))
    )
    table = f"<h3>Findings</h3><table>{rows}</table>" if rows else "<h3>Nothing found</h3>"
    return card("Dataset", pairs_html(facts, " class=small") + table)


def _finding(finding: Finding, pictures: Sequence[Picture]) -> str:
    names = ", ".join(map(printable, finding.images[:NAMES]))
    more = f" and {len(finding.images) - NAMES:,} more" if len(finding.images) > NAMES else ""
    shown = "".join(
        f'<figure><img src="{data_uri(picture.pixels)}" width="{picture.pixels.shape[1]}" '
        f'height="{picture.pixels.shape[0]}" alt="{escape(printable(picture.caption))}">'
        f"<figcaption>{escape(printable(picture.caption))}</figcaption></figure>"
        for picture in pictures
    )
    gallery = f'<div class="gallery">{shown}</div>' if shown else ""
    return (
        f'<article><h3>{escape(names + more)} <span class="level {finding.level}">{finding.level}</span></h3>'
        f"<p>{escape(printable(finding.text))}.</p>"
        f'<p class="note">What to do: {escape(printable(finding.advice))}.</p>{gallery}</article>'
    )


def _sizes(report: Report) -> str:
    parts = "".join(
        f"<div><h3>{escape(split)}: {plural(values.size, 'nucleus', 'nuclei')}</h3>"
        f"{histogram_svg(values, 'diameter of a nucleus (µm)')}</div>"
        for split, values in report.diameters_um.items()
    )
    return card("Size of nuclei by split", f'<div class="columns">{parts}</div>')


def _classes(report: Report) -> str:
    """Bars of the share of each class in each split."""
    found = {name for counts in report.classes.values() for name in counts}
    names = sorted(found, key=lambda name: (name is None, name))
    rows = []
    for name in names:
        cells = [f"<td>{escape(printable(name if name is not None else 'no class'))}</td>"]
        for counts in report.classes.values():
            share = counts.get(name, 0) / max(1, sum(counts.values()))
            bar = f'<span class="share" style="width:{share:.1%}"></span>'
            cells.append(f"<td>{bar}{counts.get(name, 0):,} ({share:.0%})</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(split)}</th>" for split in report.classes)
    table = f"<table><tr><th>class</th>{head}</tr>{''.join(rows)}</table>"
    return card("Classes by split", f'<div class="scroll">{table}</div>')


def _checks(report: Report) -> str:
    rows = [(check, "done") for check in report.done]
    rows += [
        (check, "needs the model" if report.kind in check.kinds else f"not for annotation {report.kind}")
        for check in report.left_out
    ]
    table = "".join(
        f"<tr><td><code>{escape(check.name)}</code></td><td>{escape(check.help)}</td><td>{state}</td></tr>"
        for check, state in rows
    )
    return card("What was looked for", f'<div class="scroll"><table>{table}</table></div>')
