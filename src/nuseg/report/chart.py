"""Charts as inline SVG: axes, and marks drawn in their coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

import numpy as np

from nuseg.report.histogram import round_step
from nuseg.report.page import STYLES
from nuseg.text import printable

TICKS = 5
ROOM = 0.05  # share of an axis that is left free at each end
LETTER = 6.6  # px, about


@dataclass(frozen=True)
class Axis:
    """A scale: what it measures, from where to where it goes, and whether its numbers are written."""

    label: str
    low: float
    high: float
    numbered: bool = True

    @classmethod
    def around(cls, label: str, values: Sequence[float]) -> "Axis":
        """A scale on which all values lie, with some room; 0 to 1 where there are none."""
        known = [value for value in values if np.isfinite(value)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        room = (high - low) * ROOM or abs(high) * ROOM or 1.0
        return cls(label, low - room, high + room)

    def ticks(self) -> list[float]:
        """Round numbers along the axis; none where numbers mean nothing."""
        if not self.numbered:
            return []
        step = round_step((self.high - self.low) / TICKS)
        first, last = np.ceil(self.low / step - 1e-9), np.floor(self.high / step + 1e-9)
        return [float(number * step) + 0.0 for number in np.arange(first, last + 1)]  # 0 in place of -0


@dataclass(frozen=True)
class Chart:
    """A drawing area with two axes; methods give marks as SVG, and `svg` puts them together.

    Attributes
    ----------
    x, y : Axis
        `y` goes upwards.
    width, height : int
        Of the whole picture, px.
    left, right : int
        Room beside the area, for labels.
    names : tuple of str
        Names in place of numbers along `y`: the first one at 0, above it the next at 1.
    """

    x: Axis
    y: Axis
    width: int = 460
    height: int = 300
    left: int = 54
    right: int = 14
    names: tuple[str, ...] = ()

    TOP, BOTTOM = 14, 44

    def across(self, value: float) -> float:
        """Place of an x value, px."""
        share = (value - self.x.low) / (self.x.high - self.x.low)
        return self.left + (self.width - self.left - self.right) * min(max(share, 0), 1)

    def up(self, value: float) -> float:
        """Place of a y value, px from the top."""
        share = (value - self.y.low) / (self.y.high - self.y.low)
        return self.height - self.BOTTOM - (self.height - self.TOP - self.BOTTOM) * min(max(share, 0), 1)

    def line(self, x: Sequence[float], y: Sequence[float], style: str = "line") -> str:
        """A line through points."""
        places = " ".join(f"{self.across(a):.1f},{self.up(b):.1f}" for a, b in zip(x, y, strict=True))
        return f'<polyline class="{style}" points="{places}"/>'

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
        """The area between two lines; where one of them is NaN there is none."""
        known = [each for each in zip(x, low, high, strict=True) if np.isfinite(each).all()]
        places = [(a, c) for a, _, c in known] + [(a, b) for a, b, _ in reversed(known)]
        text = " ".join(f"{self.across(a):.1f},{self.up(b):.1f}" for a, b in places)
        return f'<polygon class="band" points="{text}"/>'

    def dot(self, x: float, y: float, title: str, radius: float = 4, style: str = "dot") -> str:
        """A point, whose title appears under the mouse."""
        return (
            f'<circle class="{style}" cx="{self.across(x):.1f}" cy="{self.up(y):.1f}" r="{radius:.1f}">'
            f"<title>{escape(printable(title))}</title></circle>"
        )

    def bar(self, x: tuple[float, float], y: tuple[float, float], title: str, style: str = "bar") -> str:
        """A rectangle from one corner to the other."""
        left, right = sorted(map(self.across, x))
        top, bottom = sorted(map(self.up, y))
        return (
            f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.5):.1f}" '
            f'height="{max(bottom - top, 0.5):.1f}"><title>{escape(printable(title))}</title></rect>'
        )

    def whisker(self, x: tuple[float, float], y: tuple[float, float]) -> str:
        """An interval: a line from one point to another; nothing where one is NaN."""
        if not np.isfinite([*x, *y]).all():
            return ""
        return self._segment(self.across(x[0]), self.across(x[1]), self.up(y[0]), self.up(y[1]), "whisker")

    def rule_across(self, y: float, text: str = "") -> str:
        """A dashed line at a y value, with a text at its right end, for which `right` leaves room."""
        place, end = self.up(y), self.width - self.right
        return self._segment(self.left, end, place, place, "rule") + self.text(end + 5, place + 4, text)

    def rule_up(self, x: float) -> str:
        """A dashed line at an x value."""
        place = self.across(x)
        return self._segment(place, place, self.TOP, self.height - self.BOTTOM, "rule")

    def text(self, left: float, base: float, text: str, anchor: str = "start", style: str = "") -> str:
        """A text at a place in px."""
        named = f' class="{style}"' if style else ""
        return f'<text{named} x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}">{escape(printable(text))}</text>'

    def svg(self, *marks: str) -> str:
        """The picture: axes, then the marks in their order."""
        base, middle = self.height - self.BOTTOM, (self.left + self.width - self.right) / 2
        parts = []
        for value in self.x.ticks():
            place = self.across(value)
            parts.append(self._segment(place, place, base, base + 4, "grid"))
            parts.append(self.text(place, base + 18, _shown(value), "middle"))
        for value, name in self._heights():
            place = self.up(value)
            parts.append(self._segment(self.left, self.width - self.right, place, place, "grid"))
            parts.append(self.text(self.left - 7, place + 4, name, "end"))
        parts.append(self.text(middle, self.height - 7, self.x.label, "middle"))
        if self.y.label:
            turned = f'transform="rotate(-90 13 {(self.TOP + base) / 2:.1f})"'
            parts.append(
                f'<text {turned} x="13" y="{(self.TOP + base) / 2:.1f}" text-anchor="middle">'
                f"{escape(printable(self.y.label))}</text>"
            )
        named = escape(
            printable(f"{self.y.label or self.x.label} against {self.x.label}" if self.y.label else self.x.label)
        )
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{named}">'
            f"{''.join(parts)}{''.join(marks)}</svg>"
        )

    def _heights(self) -> list[tuple[float, str]]:
        if self.names:
            return [(float(place), name) for place, name in enumerate(self.names)]
        return [(value, _shown(value)) for value in self.y.ticks()]

    @staticmethod
    def _segment(x1: float, x2: float, y1: float, y2: float, style: str) -> str:
        return f'<line class="{style}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def room_for(names: Sequence[str], most: int = 220) -> int:
    """Room (px) that names take to the left of an axis."""
    return int(min(max((len(name) for name in names), default=0) * LETTER + 16, most))


def standalone(svg: str) -> str:
    """An `<svg>` of a page as a file of its own, with the page's colours inside."""
    style = "".join(files("nuseg.report").joinpath(name).read_text(encoding="utf-8") for name in STYLES)
    start = svg.index(">") + 1
    head = svg[: start - 1].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{head}><style>{style}</style>{svg[start:]}\n"


def _shown(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
