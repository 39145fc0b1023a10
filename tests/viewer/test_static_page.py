"""What can be said of the page's files without a browser."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "src" / "nuseg" / "viewer" / "static"
HTML = (STATIC / "index.html").read_text(encoding="utf-8")
CSS = (STATIC / "style.css").read_text(encoding="utf-8")
MODULES = sorted((STATIC / "js").glob("*.js"))
SCRIPT = "\n".join(module.read_text(encoding="utf-8") for module in MODULES)
IDS = set(re.findall(r'\bid="([\w-]+)"', HTML))


def test_the_page_has_no_script_or_style_of_its_own_and_loads_nothing_from_elsewhere() -> None:
    assert re.findall(r"<script(?![^>]*\bsrc=)", HTML) == []
    assert re.findall(r"<style|\bstyle=|\bon\w+=", HTML) == []
    assert re.findall(r"https?://|//[a-z]", HTML.replace("<!doctype html>", "")) == []
    assert set(re.findall(r"https?://[^\s\"'`]+", SCRIPT)) <= {"http://www.w3.org/2000/svg"}
    assert re.findall(r"url\(|@import", CSS) == []


def test_text_never_becomes_markup() -> None:
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", SCRIPT) == []
    )


def test_modules_are_few_and_small_and_name_what_exists() -> None:
    lines = [len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES]
    assert sum(lines) < 1500
    assert max(lines) < 200
    for module in MODULES:
        for name in re.findall(r'from "\./([\w.]+)"', module.read_text(encoding="utf-8")):
            assert (STATIC / "js" / name).is_file(), f"{module.name} imports {name}"
    for name in re.findall(r'(?:src|href)="(static/[^"]+)"', HTML):
        assert (STATIC.parent / name).is_file(), name


def test_every_element_that_the_script_asks_for_is_on_the_page() -> None:
    asked = set(re.findall(r'\$\("([\w-]+)"\)', SCRIPT))
    assert asked - IDS == set()
    assert len(re.findall(r'\bid="', HTML)) == len(IDS), "an id is there twice"


def test_every_control_has_a_name() -> None:
    for control in re.findall(r"<(?:select|input)[^>]*>", HTML):
        before = HTML[: HTML.index(control)]
        assert before.rfind("<label") > before.rfind("</label"), control
    for text in re.findall(r"<button([^>]*)>(.*?)</button>", HTML, re.DOTALL):
        assert "aria-label" in text[0] or re.search(r"[A-Za-z]{2}", text[1]), text


def colours(theme: int) -> dict[str, str]:
    """Colours of the light (0) or dark (1) page."""
    return {name: pair[theme] for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", CSS)}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read(theme: int) -> None:
    of = colours(theme)
    for text in ("text", "quiet", "warn", "accent"):
        for ground in ("page", "card"):
            assert contrast(of[text], of[ground]) >= 4.5, (text, ground)
    assert contrast(of["on-accent"], of["accent"]) >= 4.5
    assert contrast(of["text"], of["soft"]) >= 4.5
    for ground in ("page", "card"):
        assert contrast(of["line"], of[ground]) >= 3, "borders of controls"


def test_colour_scales_rise_in_lightness() -> None:
    """So that they can be read without seeing colours."""
    scales = re.findall(r"(viridis|cividis): \[([^\]]+)\]", SCRIPT)
    assert len(scales) == 2
    for _, anchors in scales:
        steps = [luminance(colour) for colour in re.findall(r"#\w{6}", anchors)]
        assert all(low < high for low, high in pairwise(steps))
