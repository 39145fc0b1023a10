"""Charts of reports: what was counted is drawn, all of it, within the picture."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.report.histogram import counts_svg
from nuseg.report.strips import MAX_POINTS, Strip, spark_svg, strips_svg


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=301).filter(any))
def test_bars_hold_every_nucleus_once(counts: list[int]) -> None:
    svg = counts_svg(np.array(counts), "area (um2)")
    shown = [int(number.replace(",", "")) for number in re.findall(r": ([\d,]+) nucle", svg)]
    assert sum(shown) == sum(counts)
    assert f">{max(shown)}</text>" in svg


def test_nothing_counted() -> None:
    assert "No nuclei" in counts_svg(np.zeros(301, int), "area")
    assert spark_svg(np.zeros(30), "area") == ""


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1e6), max_size=30), st.floats(0, 1e9))
def test_points_and_intervals_stay_within_the_picture(values: list[float], high: float) -> None:
    names = [f"<{number}>" for number in range(len(values))]
    svg = strips_svg([Strip("a & b", np.array(values), names, 1.0, 0.0, high)], "per mm2")
    assert svg.count("<circle") == len(values)
    places = [float(x) for x in re.findall(r'(?:cx|x1|x2)="([-\d.]+)"', svg)]
    assert all(0 <= place <= 640 for place in places)
    assert "a &amp; b" in svg
    assert "<0>" not in svg


def test_of_many_points_some_are_drawn_the_ends_among_them() -> None:
    values = np.arange(10_000.0)
    svg = strips_svg([Strip("a", values, [str(value) for value in values])], "per mm2")
    assert svg.count("<circle") == MAX_POINTS
    assert "9999.0: 9,999" in svg
    assert "0.0: 0" in svg
