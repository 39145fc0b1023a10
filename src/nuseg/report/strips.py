"""Values of groups as rows of points with mean and interval, as inline SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from nuseg.report.histogram import tick_step
from nuseg.types import Floats

WIDTH, LEFT, RIGHT, TOP, ROW, BOTTOM = 640, 150, 30, 6, 46, 40
MAX_POINTS = 300  # of a row; of more, so many evenly through their order
NAME_CHARACTERS = 22


@dataclass(frozen=True, eq=False)
class Strip:
    """A row of points.

    Attributes
    ----------
    name : str
    values : (n,) float
        At least 0.
    names : sequence of n str
        What each point is.
    mean, low, high : float, optional
        Of the values, and the interval of the mean.
    """

    name: str
    values: Floats
    names: Sequence[str]
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def strips_svg(strips: Sequence[Strip], label: str) -> str:
    """Draw rows of points, one below the other on one axis, as an SVG element; `label` is the axis' name and unit.

    The axis reaches to the highest value: an interval that reaches further is cut there.
    """
    highest = max((float(strip.values.max(initial=0)) for strip in strips), default=0.0)
    step = tick_step(max(highest, 1e-9))
    top = step * np.ceil(highest / step) if highest > 0 else step
    height = TOP + ROW * len(strips) + BOTTOM
    base = TOP + ROW * len(strips)

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(value / float(top), 1.0)

    parts = []
    for number, strip in enumerate(strips):
        middle = TOP + ROW * (number + 0.5)
        name = strip.name if len(strip.name) <= NAME_CHARACTERS else strip.name[: NAME_CHARACTERS - 1] + "…"
        parts.append(f'<text x="{LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        for place in _chosen(strip.values):
            away = 9 * ((place * 0.618) % 1 - 0.5) * 2  # points of one value lie beside one another
            parts.append(
                f'<circle class="point" cx="{across(float(strip.values[place])):.1f}" cy="{middle + away:.1f}" r="3.5">'
                f"<title>{escape(strip.names[place])}: {strip.values[place]:,.0f}</title></circle>"
            )
        if strip.low is not None and strip.high is not None:
            parts.append(
                f'<line class="mean" x1="{across(strip.low):.1f}" x2="{across(strip.high):.1f}" '
                f'y1="{middle:.1f}" y2="{middle:.1f}"/>'
            )
        if strip.mean is not None:
            x = across(strip.mean)
            parts.append(
                f'<line class="mean" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 15:.1f}" y2="{middle + 15:.1f}"/>'
            )
    ticks = "".join(
        f'<text x="{across(value):.1f}" y="{base + 16}" text-anchor="middle">{value:,g}</text>'
        for value in np.arange(0, top + step / 2, step).tolist()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)} by group">'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{"".join(parts)}{ticks}'
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{height - 6}" text-anchor="middle">{escape(label)}</text></svg>'
    )


def _chosen(values: Floats) -> list[int]:
    """Places of the points that are drawn: all, or some evenly through their order, the ends among them."""
    order = np.argsort(values, kind="stable")
    if len(order) <= MAX_POINTS:
        return [int(place) for place in order]
    return [int(order[at]) for at in np.linspace(0, len(order) - 1, MAX_POINTS).round().astype(int)]


def mix_svg(counts: Mapping[str, int], colours: Mapping[str, str]) -> str:
    """Draw how a whole is made up, as a bar of parts that each say what they are; "" where there is nothing.

    Parameters
    ----------
    counts, colours : mapping
        Of each part by its name; colours such as "#ff0000".
    """
    total, left, parts = sum(counts.values()), 0.0, []
    if not total:
        return ""
    for name, count in counts.items():
        wide = WIDTH * count / total
        parts.append(
            f'<rect x="{left:.1f}" y="0" width="{wide:.1f}" height="16" fill="{colours[name]}">'
            f"<title>{escape(name)}: {count:,} ({count / total:.1%})</title></rect>"
        )
        left += wide
    return (
        f'<svg class="mix" viewBox="0 0 {WIDTH} 16" preserveAspectRatio="none" role="img" '
        f'aria-label="shares of classes">{"".join(parts)}</svg>'
    )


def spark_svg(counts: Floats, label: str) -> str:
    """Draw counts as a small row of bars without an axis; "" where there are none."""
    if not counts.sum():
        return ""
    heights = 24 * counts / counts.max()
    bars = "".join(
        f'<rect class="bar" x="{4 * place}" y="{24 - height:.1f}" width="3.4" height="{height:.1f}"/>'
        for place, height in enumerate(heights.tolist())
        if height >= 0.05
    )
    return f'<svg class="spark" viewBox="0 0 {4 * len(counts)} 24" role="img" aria-label="{escape(label)}">{bars}</svg>'
