"""A small histogram as inline SVG."""

from html import escape

import numpy as np

from nuseg.measure.distribution import quantiles_of_counts
from nuseg.text import plural
from nuseg.types import Floats, Integers

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 22, 40
BARS = 24
CLIP = 0.99  # the last bar holds the highest values, so that one huge nucleus does not flatten the others


def histogram_svg(values: Floats, label: str) -> str:
    """Draw the distribution of values as an SVG element.

    Parameters
    ----------
    values : (n,) float
        At least 0; the highest hundredth is counted in the last bar. May be empty.
    label : str
        Name and unit of the values, under the axis.

    Returns
    -------
    str
        `<svg>...</svg>` for use inside HTML, styled by the page's classes bar, axis, median and strong.
    """
    values = np.asarray(values, float)
    if values.size == 0:
        return '<p class="hint">No nuclei, no distribution.</p>'
    step = round_step(max(float(np.quantile(values, CLIP)), 1e-9) / BARS)
    top = step * max(int(np.ceil(np.quantile(values, CLIP) / step)), 1)
    counts, edges = np.histogram(np.minimum(values, top), np.arange(0, top + step / 2, step))
    return _bars(counts, edges, float(np.median(values)), values.max() > top, label)


def counts_svg(counts: Integers, label: str) -> str:
    """Draw the distribution of values that were counted by whole units, as `histogram_svg` does.

    Parameters
    ----------
    counts : (n,) int
        How many values lie in [0, 1), [1, 2) ...; the last holds all beyond too.
    label : str
    """
    total = int(counts.sum())
    if not total:
        return histogram_svg(np.empty(0), label)
    sums = np.cumsum(counts)
    clip = int(np.searchsorted(sums, CLIP * total)) + 1
    step = max(int(round_step(clip / BARS)), 1)
    bars = -(-clip // step)
    held = np.pad(counts[: bars * step], (0, max(bars * step - len(counts), 0)))
    binned = held.reshape(bars, step).sum(axis=1)
    beyond = total - int(binned.sum())
    binned[-1] += beyond
    median = float(quantiles_of_counts(counts, [0.5])[0])
    return _bars(binned, np.arange(bars + 1) * float(step), median, beyond > 0, label)


def _bars(counts: Integers, edges: Floats, median: float, more: bool, label: str) -> str:
    """Draw bars; `more` says that the last holds what lies beyond its end too."""
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    base = TOP + inner_height

    def across(value: float) -> float:
        return LEFT + inner_width * min(value / float(edges[-1]), 1)

    bars = []
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        height = inner_height * count / counts.max()
        end = " and more" if high > edges[-2] and more else f" to {high:g}"
        bars.append(
            f'<rect class="bar" x="{across(low) + 0.75:.1f}" y="{base - height:.1f}" '
            f'width="{across(high) - across(low) - 1.5:.1f}" height="{height:.1f}">'
            f"<title>{low:g}{end}: {plural(count, 'nucleus', 'nuclei')}</title></rect>"
        )
    ticks = [
        f'<text x="{across(value):.1f}" y="{base + 16}" text-anchor="middle">{value:g}</text>'
        for value in np.arange(0, edges[-1] * 1.001, tick_step(edges[-1])).tolist()
    ]
    side = "end" if across(median) > LEFT + inner_width * 0.6 else "start"
    shift = -6 if side == "end" else 6
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Distribution of {escape(label)}">'
        f'{"".join(bars)}<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{"".join(ticks)}'
        f'<text x="{LEFT - 6}" y="{TOP + 4}" text-anchor="end">{counts.max()}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text>'
        f'<line class="median" x1="{across(median):.1f}" x2="{across(median):.1f}" y1="{TOP - 8}" y2="{base}"/>'
        f'<text class="strong" x="{across(median) + shift:.1f}" y="{TOP - 8}" text-anchor="{side}">'
        f"median {median:.3g}</text>"
        f'<text x="{LEFT + inner_width / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text></svg>'
    )


def round_step(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten from `step` up."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9)))


def tick_step(top: float) -> float:
    """Distance of about five ticks up to `top`."""
    return round_step(top / 6)
