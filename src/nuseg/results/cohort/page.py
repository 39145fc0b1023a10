"""The page on all results of a folder: to be read on a screen, and to be printed on A4."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from nuseg.report.histogram import counts_svg
from nuseg.report.page import card, document, jpeg_uri, pairs_html
from nuseg.report.strips import Strip, spark_svg, strips_svg
from nuseg.results.annotated import ANNOTATIONS
from nuseg.results.cohort.cells import interval, more_html, note_html, number, row_html, table_html
from nuseg.results.cohort.class_card import class_facts, classes_card, mix_of
from nuseg.results.cohort.classes import ClassRow, class_names
from nuseg.results.cohort.gather import Cohort, Entry
from nuseg.results.cohort.groups import GroupRow, group_row, patient_densities, sizes_of
from nuseg.results.cohort.looks import Look
from nuseg.results.facts import FIELD_UM, SQUARE_UM, PictureName, size_quantiles
from nuseg.results.summary import COUNT, Row
from nuseg.text import plural

LARGE = 6  # images up to which each is shown large
IMAGES, CLOSER, LOOKS, EXCLUDED, GROUPS, AREAS = 200, 24, 40, 100, 20, 200  # that the page shows; the tables have all
NAMES = 6  # of a note that is about many
SPARK_UM2 = 5  # of a bar in a small picture of sizes
SPARK_BARS = 30
CLOSING = (
    "For research. Not a medical device. Counts are of nuclei that nuseg found; look at the outlines before you rely "
    "on them. The interval of a count says between which numbers the true one is to be expected, by how far off the "
    "model's counts were on images that it did not learn from. Errors of images of one kind go the same way, so the "
    "interval of a sum does not shrink with more images. Densities are nuclei per mm² of tissue where tissue was "
    "looked for, else of the region or the image."
)
AREA_LABEL = "area of a nucleus (µm²)"
Picture = Callable[[str, PictureName], bytes | None]


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows.

    Attributes
    ----------
    cohort : Cohort
    looks : sequence of Look
    groups : sequence of GroupRow
    classes : sequence of ClassRow
    areas : sequence of mapping
        Rows of the table of annotations, as texts.
    files : mapping of str to str
        Files beside the page, and what each holds.
    picture : function
        From the name of a result, and of a picture, to a JPEG or None.
    """

    cohort: Cohort
    looks: Sequence[Look]
    groups: Sequence[GroupRow]
    classes: Sequence[ClassRow]
    areas: Sequence[Mapping[str, str]]
    files: Mapping[str, str]
    picture: Picture


def render_cohort(shown: Shown) -> str:
    """Make the page: HTML whose texts are escaped, with all pictures inside."""
    cohort = shown.cohort
    sections = [
        _overview(shown),
        _groups(shown) if len(cohort.entries) > 1 else "",
        classes_card(cohort, shown.classes) if shown.classes else "",
        _looks(shown) if shown.looks else "",
        _excluded(cohort) if cohort.excluded else "",
        _annotations(shown) if shown.areas else "",
        _images(shown) if cohort.entries else "",
        _closer(shown) if len(cohort.entries) > LARGE else "",
        _files(shown.files),
    ]
    models = sorted({entry.row.model for entry in cohort.entries if entry.row.model})
    by = f" by nuseg's model {', '.join(models)}" if models else ""
    lead = f"Found, counted and measured{by}."
    title = f"Nuclei in {plural(len(cohort.entries), 'image')}"
    return document(title, lead, "\n".join(filter(None, sections)), CLOSING)


def _overview(shown: Shown) -> str:
    cohort, whole = shown.cohort, group_row("", shown.cohort.entries)
    facts = {"images": number(whole.images)}
    if cohort.has_patients:
        facts["patients"] = number(whole.patients)
    facts |= {
        "nuclei": number(whole.nuclei),
        "expected between": interval(whole.nuclei_low, whole.nuclei_high),
        "mm²": number(whole.area_mm2, 2),
        "nuclei per mm²": number(whole.nuclei_per_mm2),
        "median nuclear area (µm²)": number(whole.median_area_um2, 1),
        "to look at": number(len({name for look in shown.looks for name in look.names})),
        "excluded": number(cohort.excluded),
    }
    return card("In short", pairs_html(facts))


def _groups(shown: Shown) -> str:
    cohort, groups = shown.cohort, shown.groups[:GROUPS]
    unit = "patient" if cohort.has_patients else "image"
    held = {row.group: [entry for entry in cohort.entries if entry.group == row.group] for row in groups}
    titles = {row.group: row.group or ("no group" if cohort.grouped else "all images") for row in groups}
    strips = []
    for row in groups:
        densities = patient_densities(held[row.group])
        values = np.array(list(densities.values()))
        strips.append(Strip(titles[row.group], values, list(densities), row.mean_per_mm2, row.mean_low, row.mean_high))
    rows = [
        row_html(
            [
                titles[row.group],
                number(row.images),
                *([number(row.patients)] if cohort.has_patients else []),
                number(row.nuclei),
                number(row.area_mm2, 2),
                number(row.mean_per_mm2),
                interval(row.mean_low, row.mean_high),
                f"{number(row.median_area_um2, 1)} ({number(row.low_area_um2, 1)}–{number(row.high_area_um2, 1)})",
            ]
        )
        for row in groups
    ]
    patients = ["patients"] if cohort.has_patients else []
    head = ["group", "images", *patients, "nuclei", "mm²", "nuclei per mm²", "95 % interval", "area (µm²), 80 %"]
    sizes = "".join(
        f"<div><h3>{escape(titles[row.group])}</h3>{counts_svg(sizes_of(held[row.group]), AREA_LABEL)}</div>"
        for row in groups
    )
    body = f"""{table_html(head, rows, "numbers")}{more_html(len(shown.groups), GROUPS, "group", "report_groups.csv")}
{note_html(f"Each point is one {unit}. The bar is the mean of the {unit}s with its 95 % interval (Student's t).")}
<div class="strips">{strips_svg(strips, "nuclei per mm²")}</div>
<h3>Size of nuclei</h3><div class="small-multiples">{sizes}</div>"""
    return card(f"By {cohort.by}" if cohort.grouped else "Density and size", body)


def _looks(shown: Shown) -> str:
    items = []
    for look in shown.looks[:LOOKS]:
        further = f" and {len(look.names) - NAMES:,} more" if len(look.names) > NAMES else ""
        title = escape(", ".join(look.names[:NAMES]) + further)
        one = _picture(shown, look.names[0], "small") if len(look.names) == 1 else ""
        items.append(
            f'<article class="look">{one}<div><h3>{title} <span class="level warning">{escape(look.kind)}</span></h3>'
            f"<p>{escape(look.text)}.</p>{note_html(f'What to do: {look.advice}.')}</div></article>"
        )
    more = more_html(len(shown.looks), LOOKS, "note", "report.csv")
    return card("To be looked at", "".join(items) + more)


def _excluded(cohort: Cohort) -> str:
    rows = [row_html([row.name, row.error]) for row in cohort.failed[:EXCLUDED]]
    rows += [row_html([name, "in the table, but there is no result of it"]) for name in cohort.absent[:EXCLUDED]]
    note = more_html(cohort.excluded, len(rows), "image", "report.csv")
    return card("Excluded, and why", table_html(("image", "why"), rows) + note)


def _annotations(shown: Shown) -> str:
    names = [name for name in class_names(shown.cohort.entries) if any(area.get(COUNT + name) for area in shown.areas)]
    head = ["image", "annotation", "class", "nuclei", "expected between", "mm²", "nuclei per mm²", "mean area (µm²)"]
    head += names
    rows = [
        row_html(
            [
                area["name"],
                area["annotation"],
                area["annotation_class"] or "–",
                _as_number(area["nuclei"]),
                interval(*(float(area[key]) if area[key] else None for key in ("nuclei_low", "nuclei_high"))),
                _as_number(area["area_mm2"], 4),
                _as_number(area["nuclei_per_mm2"]),
                _as_number(area["mean_area_um2"], 1),
                *(_as_number(area.get(COUNT + name, "")) for name in names),
            ]
        )
        for area in shown.areas[:AREAS]
    ]
    more = more_html(len(shown.areas), AREAS, "annotation", ANNOTATIONS)
    note = note_html("A nucleus counts in every annotated area that holds its centroid.")
    return card("Annotated areas", table_html(head, rows, "numbers names") + note + more)


def _as_number(text: str, digits: int = 0) -> str:
    return number(float(text) if text else None, digits)


def _images(shown: Shown) -> str:
    entries = shown.cohort.entries
    looked = {name for look in shown.looks for name in look.names}
    if len(entries) <= LARGE:
        return card("Images", "".join(_large(shown, entry, entry.name in looked) for entry in entries))
    local = any(entry.facts.local_densities for entry in entries[:IMAGES])
    squares = [f"in squares of {SQUARE_UM / 1000:g} mm, 80 %"] if local else []
    names = class_names(entries)
    head = ["", "image", "nuclei", "per mm²", *(["classes"] if names else []), *squares, "area (µm²), 80 %", "sizes"]
    rows = [_row(shown, entry, entry.name in looked, local, names) for entry in entries[:IMAGES]]
    more = more_html(len(entries), IMAGES, "image", "report.csv")
    return card("Images", table_html(head, rows, "images") + more)


def _row(shown: Shown, entry: Entry, looked: bool, local: bool, names: Sequence[str]) -> str:
    row = entry.row
    counts = entry.facts.size_counts()
    flag = ' <span class="level warning">look</span>' if looked else ""
    small = " · ".join(filter(None, (row.patient, entry.group)))
    squares = f"<td>{escape(_local(entry))}</td>" if local else ""
    classes = f"<td>{mix_of(entry, names)}</td>" if names else ""
    between = f'<br><span class="hint">{interval(row.nuclei_low, row.nuclei_high)}</span>'
    return (
        f"<tr><td>{_picture(shown, entry.name, 'small')}</td>"
        f'<td>{escape(entry.name)}{flag}<br><span class="hint">{escape(small)}</span></td>'
        f"<td>{number(row.nuclei)}{between}</td><td>{number(row.nuclei_per_mm2)}</td>"
        f"{classes}{squares}<td>{escape(_size(counts))}</td><td>{_spark(counts)}</td></tr>"
    )


def _local(entry: Entry) -> str:
    """Median, tenth and ninetieth percentile of local densities."""
    found = entry.facts.local_densities
    return f"{number(found[2])} ({number(found[0])}–{number(found[-1])})" if len(found) == 5 else "–"


def _size(counts: np.ndarray) -> str:
    low, _, middle, _, high = size_quantiles(counts).tolist()
    return "–" if np.isnan(middle) else f"{number(middle, 1)} ({number(low, 1)}–{number(high, 1)})"


def _spark(counts: np.ndarray) -> str:
    held = counts[: SPARK_UM2 * SPARK_BARS].reshape(SPARK_BARS, SPARK_UM2).sum(axis=1).astype(float)
    held[-1] += counts[SPARK_UM2 * SPARK_BARS :].sum()
    return spark_svg(held, "distribution of nuclear area")


def _large(shown: Shown, entry: Entry, looked: bool) -> str:
    row = entry.row
    flag = ' <span class="level warning">look</span>' if looked else ""
    facts = {
        "nuclei": number(row.nuclei),
        "expected between": interval(row.nuclei_low, row.nuclei_high),
        "nuclei per mm²": number(row.nuclei_per_mm2),
        f"mm² of {row.density_area or 'image'}": number(row.area_mm2, 3),
        "µm per px": "–" if row.mpp is None else f"{row.mpp:.4g}",
        "size (px)": _px(row),
    }
    if entry.facts.local_densities:
        facts[f"per mm² in squares of {SQUARE_UM / 1000:g} mm, 80 %"] = _local(entry)
    facts |= {f"class {name}": text for name, text in class_facts(row.classes).items()}
    facts |= {"group": entry.group} if entry.group else {}
    facts |= {"patient": row.patient} if row.patient else {}
    captions: dict[PictureName, str] = {
        "small": "the whole",
        "density": "nuclei per mm²; the line is around what was looked at",
        "close": f"the densest part, at most {FIELD_UM:g} µm wide, with the outlines",
    }
    pictures = "".join(
        f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
        for name, caption in captions.items()
        if (picture := _picture(shown, entry.name, name))
    )
    note = f'<p class="note">{escape(row.warning)}</p>' if row.warning else ""
    counts = counts_svg(entry.facts.size_counts(), AREA_LABEL)
    names = class_names(shown.cohort.entries)
    return f"""<article><h3>{escape(entry.name)}{flag}</h3>{note}
<div class="columns"><div class="gallery">{pictures}</div>
<div>{pairs_html(facts, " class=small")}{mix_of(entry, names)}{counts}</div></div></article>"""


def _closer(shown: Shown) -> str:
    """Parts of some images with their outlines, those that should be looked at first."""
    looked = {name for look in shown.looks if len(look.names) == 1 for name in look.names}
    names = sorted((entry.name for entry in shown.cohort.entries), key=lambda name: name not in looked)[:CLOSER]
    figures = "".join(
        f"<figure>{picture}<figcaption>{escape(name)}</figcaption></figure>"
        for name in names
        if (picture := _picture(shown, name, "close"))
    )
    note = note_html(f"The densest part of an image, at most {FIELD_UM:g} µm wide. Those to be looked at come first.")
    more = more_html(len(shown.cohort.entries), CLOSER, "image", "the output overlay")
    return card("Outlines", f'{note}<div class="gallery closer">{figures}</div>{more}') if figures else ""


def _px(row: Row) -> str:
    return f"{row.width:,} × {row.height:,}" if row.width and row.height else "–"


def _picture(shown: Shown, name: str, what: PictureName) -> str:
    content = shown.picture(name, what)
    if content is None:
        return ""
    words = {"small": "made small", "close": "nuclei outlined", "density": "nuclei per mm²"}[what]
    return f'<img class="{what}" src="{jpeg_uri(content)}" alt="{escape(name)}, {words}">'


def _files(files: Mapping[str, str]) -> str:
    rows = [f"<tr><td><code>{escape(name)}</code></td><td>{escape(what)}</td></tr>" for name, what in files.items()]
    return card("Files", f'<div class="scroll"><table>{"".join(rows)}</table></div>')


def folder_files(folder: Path) -> dict[str, str]:
    """Say which files of a results folder go with the page."""
    known = {
        "report.csv": "one row per image: all numbers of this page, what the table says, what to look at",
        "report_groups.csv": "one row per group",
        "report_classes.csv": "one row per class of nuclei in every group",
        ANNOTATIONS: "one row per annotated area",
        "summary.csv": "one row per image, with resolution, model and settings",
    }
    return {name: what for name, what in known.items() if (folder / name).is_file()}
