import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.report.histogram import histogram_svg, round_step
from nuseg.report.page import data_uri, write_page
from nuseg.viewer.page import Panel, render_page

VOID = {"meta", "link", "img", "input", "br", "line", "rect"}


class Outline(HTMLParser):
    """Checks that tags are closed in order; collects texts and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def parse(html):
    outline = Outline()
    outline.feed(html)
    outline.close()
    assert outline.open == []
    return outline


def picture(value):
    return np.full((20, 30, 3), value, np.uint8)


@pytest.fixture
def html():
    panels = [
        Panel("one", "A <b> & 'note'", picture(200), {"found": picture(10)}, {"nuclei": "12"}),
        Panel(
            "two",
            "",
            picture(100),
            {"found": picture(20), "truth": picture(30)},
            {"nuclei": "34"},
            {"AJI": "0.567"},
            np.array([10.0, 20.0, 30.0]),
        ),
    ]
    return render_page("title", "lead", panels, {"mask/one.png": "a mask"}, [("Do:", "nuseg <x>")], "small print")


def test_page_is_well_formed_and_says_everything(html):
    page = parse(html)
    text = " ".join(page.text)
    for piece in ("lead", "A <b> & 'note'", "12", "34", "0.567", "mask/one.png", "a mask", "nuseg <x>", "small print"):
        assert piece in text
    assert html.count("Against the truth") == 1  # only where there is a truth


def test_page_needs_nothing_from_outside(html):
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html
    for tag, attributes in parse(html).tags:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:"), tag
        assert not (tag == "link" and attributes["rel"] == "stylesheet")


def test_pictures_are_inside(html):
    values = []
    for source in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html):
        pixels = cv2.imdecode(np.frombuffer(base64.b64decode(source), np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (20, 30, 3)
        values.append(int(pixels[10, 15, 0]))
    assert values == pytest.approx([200, 10, 100, 20, 30], abs=2)


def test_a_choice_where_there_are_several_overlays(html):
    tags = parse(html).tags
    assert [attributes["aria-pressed"] for tag, attributes in tags if tag == "button"] == ["true", "false"]
    hidden = [a for tag, a in tags if tag == "img" and "hidden" in a]
    assert len(hidden) == 1
    assert "truth" in hidden[0]["alt"]


def test_every_picture_and_control_is_named(html):
    for tag, attributes in parse(html).tags:
        if tag == "img":
            assert attributes["alt"]
        if tag == "input":
            assert attributes["aria-label"]


def test_colours_are_rgb():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[..., 0] = 250
    file = base64.b64decode(data_uri(pixels).split(",")[1])
    decoded = cv2.cvtColor(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert decoded[8, 8].tolist() == pytest.approx([250, 0, 0], abs=6)


def test_write_page(tmp_path):
    write_page("<p>µ</p>", tmp_path / "deep" / "page.html")
    assert (tmp_path / "deep" / "page.html").read_text(encoding="utf-8") == "<p>µ</p>"
    with pytest.raises(NusegError, match="deep"):
        write_page("", tmp_path / "deep")


def test_histogram_counts_every_value():
    values = np.random.default_rng(0).gamma(3, 10, 500)
    svg = histogram_svg(values, "area <um2>")
    parse(svg)
    counts = [int(n) for n in re.findall(r": (\d+) nucle(?:us|i)", svg)]
    assert sum(counts) == 500
    assert f"median {np.median(values):.3g}" in svg
    assert "area &lt;um2&gt;" in svg


def test_one_huge_value_does_not_flatten_the_rest():
    svg = histogram_svg(np.append(np.linspace(10, 50, 500), 1e6), "x")
    assert len(re.findall("<rect", svg)) >= 8


@pytest.mark.parametrize("values", [[5.0], [0.0], [7.0, 7.0], [1e-3, 2e-3]])
def test_histogram_of_few_values(values):
    svg = histogram_svg(np.array(values), "x")
    assert sum(int(n) for n in re.findall(r": (\d+) nucle(?:us|i)", svg)) == len(values)
    assert "nan" not in svg


def test_histogram_of_nothing():
    assert "No nuclei" in histogram_svg(np.empty(0), "x")


@pytest.mark.parametrize(("step", "rounded"), [(1, 1), (1.1, 2), (3, 5), (0.07, 0.1), (60, 100)])
def test_round_step(step, rounded):
    assert round_step(step) == pytest.approx(rounded)
