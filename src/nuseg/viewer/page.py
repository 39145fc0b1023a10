"""One HTML page of segmented images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files

import numpy as np

from nuseg.report.histogram import histogram_svg
from nuseg.report.page import data_uri, document, pairs_html
from nuseg.types import RGB, Floats


@dataclass(frozen=True)
class Panel:
    """One image of a page.

    Attributes
    ----------
    title, note : str
        Heading, and a sentence or two on what the image is.
    pixels : (h, w, 3) uint8
        RGB.
    overlays : mapping of str to (h, w, 3) uint8
        Name: the image with outlines drawn; at least one. More than one can be chosen between.
    facts : mapping of str to str
        Name: value, shown large.
    scores : mapping of str to str
        Name: value; empty where there is no truth.
    areas_um2 : (n,) float
        Nuclear areas.
    """

    title: str
    note: str
    pixels: RGB
    overlays: Mapping[str, RGB]
    facts: Mapping[str, str]
    scores: Mapping[str, str] = field(default_factory=dict)
    areas_um2: Floats = field(default_factory=lambda: np.empty(0))


def render_page(
    title: str,
    lead: str,
    panels: Sequence[Panel],
    written: Mapping[str, str],
    steps: Sequence[tuple[str, str]],
    closing: str = "",
) -> str:
    """Make the page.

    Parameters
    ----------
    title, lead : str
        Heading and the sentence below it.
    panels : sequence of Panel
    written : mapping of str to str
        Files written, in words: what they hold.
    steps : sequence of (str, str)
        What to do next: a sentence, a command.
    closing : str
        Small print.

    Returns
    -------
    str
        HTML; every text is escaped, pictures, style and script are inside.
    """
    cards = "\n".join(panel_html(panel) for panel in panels)
    rows = "".join(
        f"<tr><td><code>{escape(file)}</code></td><td>{escape(what)}</td></tr>" for file, what in written.items()
    )
    commands = "".join(f"<p>{escape(text)}</p><pre><code>{escape(line)}</code></pre>" for text, line in steps)
    body = f"""{cards}
<section class="card"><h2>Files written</h2><div class="scroll"><table>{rows}</table></div></section>
<section class="card"><h2>What to do next</h2>{commands}</section>"""
    script = files("nuseg.viewer").joinpath("demo.js").read_text(encoding="utf-8")
    return document(title, lead, body, closing, script)


def panel_html(panel: Panel) -> str:
    """An image beside its numbers, as a section of the page."""
    height, width = panel.pixels.shape[:2]
    size = f'width="{width}" height="{height}"'
    layers = "".join(
        f'<img class="layer" src="{data_uri(drawn)}" {size} alt="{escape(panel.title)}, nuclei outlined: '
        f'{escape(name)}"{" hidden" if position else ""}>'
        for position, (name, drawn) in enumerate(panel.overlays.items())
    )
    if len(panel.overlays) > 1:
        buttons = "".join(
            f'<button type="button" aria-pressed="{"false" if position else "true"}">{escape(name)}</button>'
            for position, name in enumerate(panel.overlays)
        )
        right = f'<span class="choice">{buttons}</span>'
    else:
        right = f"<span>{escape(next(iter(panel.overlays)))}</span>"
    scores = f"<h3>Against the truth</h3>{pairs_html(panel.scores, ' class=small')}" if panel.scores else ""
    return f"""<section class="card">
<h2>{escape(panel.title)}</h2>
<p class="note">{escape(panel.note)}</p>
<div class="columns">
<figure style="margin:0">
<div class="compare"><img src="{data_uri(panel.pixels)}" {size} alt="{escape(panel.title)}">{layers}
<input type="range" min="0" max="100" value="50" step="any" aria-label="How much of the image is shown bare"></div>
<figcaption class="ends"><span>image</span>{right}</figcaption>
<p class="hint">Drag over the picture to slide between image and outlines.</p>
</figure>
<div>
{pairs_html(panel.facts)}
{scores}
<h3>Nuclear area</h3>
{histogram_svg(panel.areas_um2, "area of a nucleus (µm²)")}
</div>
</div>
</section>"""
