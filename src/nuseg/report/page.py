"""One HTML page that needs nothing beside itself: no network, no other file."""

import base64
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path

import cv2

from nuseg.io.atomic import atomic_path
from nuseg.types import RGB

STYLES = ("page.css", "chart.css")
QUALITY = 92  # of the pictures in the page; the files written hold every pixel


def document(title: str, lead: str, body: str, closing: str = "", script: str = "") -> str:
    """Make a page.

    Parameters
    ----------
    title, lead : str
        Heading and the sentence below it.
    body : str
        HTML: the caller escapes its texts.
    closing : str
        Small print.
    script : str
        JavaScript.

    Returns
    -------
    str
        HTML; title, lead and closing are escaped, the style is inside.
    """
    style = "".join(files("nuseg.report").joinpath(name).read_text(encoding="utf-8") for name in STYLES)
    code = f"<script>\n{script}</script>\n" if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
{body}
<footer>{escape(closing)}</footer>
</main>
{code}</body>
</html>
"""


def write_page(html: str, path: Path) -> None:
    """Write a page, whole or not at all.

    Raises
    ------
    NusegError
        The place cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def pairs_html(pairs: Mapping[str, str], attributes: str = "") -> str:
    """Names and values as a definition list."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs.items())
    return f"<dl{attributes}>{items}</dl>"


def card(title: str, body: str, hint: str = "") -> str:
    """A section with a heading; `body` is HTML, `title` and `hint` are texts."""
    small = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return f'<section class="card"><h2>{escape(title)}</h2>{body}{small}</section>'


def jpeg_uri(content: bytes) -> str:
    """A JPEG file as a `data:` address."""
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")


def data_uri(pixels: RGB) -> str:
    """An RGB image `(h, w, 3)` uint8 as a `data:` address (JPEG, colours at full resolution)."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], options)
    return jpeg_uri(file.tobytes())
