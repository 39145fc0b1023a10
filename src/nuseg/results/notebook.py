"""A result as a notebook shows it: picture, numbers, and the first nuclei."""

from html import escape
from typing import TYPE_CHECKING

from nuseg.report.page import data_uri
from nuseg.results.batch import regroup
from nuseg.text import plural

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

ROWS = 5
DECIMALS = 2
AREAS = {"tissue": "tissue", "region": "the region", "image": "the image"}


def facts(result: "Segmentation") -> dict[str, str]:
    """Say what the result comes to, in words."""
    info, interval = result.info, result.count_interval
    found = f"{len(result):,}" if interval is None else f"{len(result):,} ({interval[0]:,} to {interval[1]:,} expected)"
    shown = {"image": info.file or info.name, "nuclei": found}
    if info.density_mm2:
        shown["nuclei per mm²"] = f"{result.nuclei_per_mm2:,.0f} over {AREAS[info.density_area]}"
    if result.classes:
        shown["classes"] = ", ".join(f"{one.name} {one.nuclei:,}" for one in result.classes)
    if means := result.statistics.means():
        shown["mean area"] = f"{means['area_um2']:.1f} µm²"
    shown["size"] = f"{info.width:,} × {info.height:,} px at {info.mpp:g} µm/px ({info.mpp_source})"
    return shown | {"model": info.model}


def table_html(result: "Segmentation") -> str:
    """Write the first nuclei as a table; no more batches are read than it takes."""
    first = next(regroup(result.batches(), ROWS), None)
    if first is None:
        return ""
    rest = len(result) - len(first)
    more = f"<p>and {rest:,} more in <code>.nuclei</code></p>" if rest else ""
    return str(first.table.round(DECIMALS).to_html(index=False, border=0)) + more


def facts_html(result: "Segmentation") -> str:
    """Write the facts as a table of two columns."""
    left = 'style="text-align: left"'
    rows = (f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(value)}</td></tr>"
            for name, value in facts(result).items())  # fmt: skip
    return f"<table>{''.join(rows)}</table>"


def result_html(result: "Segmentation") -> str:
    """Write a result as HTML that holds its picture."""
    what = f"outlines of {plural(len(result), 'nucleus', 'nuclei')}"
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 1em">'
        f'<img alt="{what}" style="max-width: 100%; max-height: 30em" src="{data_uri(result.picture())}">'
        f"<div>{facts_html(result)}{f'<ul>{notes}</ul>' if notes else ''}</div></div>"
        f'<div style="overflow-x: auto">{table_html(result)}</div>'
    )
