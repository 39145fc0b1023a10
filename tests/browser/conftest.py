"""A browser, results made once, and the viewer on a copy of them."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from viewed import Served

from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png

PATIENCE = 60_000  # ms: other tests may have the cores


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is absent: pip install playwright")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    playwright.expect.set_options(timeout=PATIENCE)
    software = ["--no-sandbox", "--enable-unsafe-swiftshader"]  # WebGL without a GPU
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=software)
        yield running
        running.close()


@pytest.fixture(scope="session")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `images`, two of them, and `results` by the command line."""
    folder = tmp_path_factory.mktemp("viewed")
    for number in (1, 2):
        pixels, _ = synthetic_field(512, 512, number, mpp=0.25, nuclei_per_mm2=3500)
        write_png(folder / "images" / f"case {number}.png", pixels)
    words = ["segment", "images", "-o", "results", "--mpp", "0.25", "--model", "fast", "--output", "csv,geojson"]
    subprocess.run([sys.executable, "-m", "nuseg", *words], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def serve(segmented: Path, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start the viewer on a copy of the results; further names are looked at, too."""
    started = []

    def begin(*more: str, model: str = "fast") -> Served:
        folder = tmp_path / "work"
        shutil.copytree(segmented, folder)
        if more:
            for name in more:
                pixels, _ = synthetic_field(256, 256, 7, mpp=0.25, nuclei_per_mm2=3000)
                write_png(folder / name, pixels)
        started.append(Served(folder, ("results", "images", *more), model))
        started[-1].start()
        return started[-1]

    yield begin
    for served in started:
        served.kill()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open the viewer in a window of its own; no page may log a fault or ask another server."""
    contexts, faults = [], []

    def begin(served: Served, place: str = "") -> Any:
        context = browser.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "ontent Security" in said.text else None)
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on(
            "request", lambda asked: None if asked.url.startswith((served.url, "blob:")) else faults.append(asked.url)
        )
        page.goto(served.url + place)
        page.locator("#view[aria-busy=false]").wait_for()
        return page

    yield begin
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="wait")  # a handler that is still at work would fail in the next test
        context.close()
    assert faults == []
