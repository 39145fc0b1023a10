"""How fast the viewer is: the first picture, a pan at full zoom, memory, with results of half a million nuclei.

    python benchmarks/viewer.py [--nuclei 500000] [--folder FOLDER]

Makes a slide of a generated field, laid side by side, with results in GeoParquet as `nuseg segment` writes them; starts
`nuseg view`, and asks it for what the page asks for: over six connections at once, as browsers do. Where Playwright and
Chromium are installed, the page itself is opened and moved as well. With `--folder`, the slide is kept there and used
again.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from made_slides import MPP, make_slide
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.file_state import FileState
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.results.batch import NucleiBatch, regroup
from nuseg.results.columns import Columns
from nuseg.results.early import ROWS
from nuseg.results.formats import geoparquet
from nuseg.results.records import Record, Records
from nuseg.results.summary import Row
from nuseg.viewer.nuclei import CELL
from nuseg.viewer.pixels import TILE, max_level

FIELD, FACTORS = 2048, (1, 4, 16)
CONNECTIONS = 6  # of a browser to one server
SCREEN = 1600, 900  # px
PANS = 20


def make_results(folder: Path, nuclei: int) -> int:
    """Write a slide and its results to a folder, and give the number of nuclei."""
    pixels, labels = synthetic_field(FIELD, FIELD, 7, MPP)
    polygons = outlines(labels)
    table = measure_nuclei(labels, pixels, np.full(labels.shape, 0.8, np.float32), MPP, polygons)
    table["probability"] = np.random.default_rng(0).beta(8, 2, len(table))
    folder.mkdir(parents=True, exist_ok=True)
    across = max(1, round((nuclei / len(table)) ** 0.5))
    slide = folder / "slide.tif"
    make_slide(slide, [pixels], across * FIELD, FACTORS)
    results, count = folder / "results", 0
    about = {"source": slide.name, "mpp": MPP}

    def batches() -> Iterator[NucleiBatch]:
        for number in range(across**2):
            corner = np.array([number % across, number // across]) * FIELD
            ids = np.arange(len(table)) + number * len(table) + 1
            moved = table.assign(id=ids, x_px=table["x_px"] + corner[0], y_px=table["y_px"] + corner[1])
            yield NucleiBatch(moved, [polygon + corner for polygon in polygons])

    with geoparquet.opened(results / "geoparquet" / "slide.parquet", Columns(), about) as add:
        for batch in regroup(batches(), ROWS):
            add(batch)
            count += len(batch)
    side, records = across * FIELD, Records(results)
    records.begin()
    row = Row(name="slide", image=str(slide.resolve()), width=side, height=side, mpp=MPP, nuclei=count)
    records.keep(Record(row, "slide", FileState.of(slide)))
    records.write_summary()
    return count


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the viewer, and give its address."""
    words = [sys.executable, "-m", "nuseg", "view", str(folder / "results"), "--no-open", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, next(word for word in line.split() if word.startswith("http"))


def fetch(client: httpx.Client, addresses: Sequence[str]) -> float:
    """Ask for addresses as a browser does, and give the seconds that it took."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for answer in pool.map(client.get, addresses):
            answer.raise_for_status()
    return time.perf_counter() - begun


def tiles_of(item: dict[str, Any], level: int, left: int, top: int) -> list[str]:
    """Addresses of the tiles of a level that a screen shows, from its upper left corner (px of the level)."""
    factor = 2 ** (max_level(item["width"], item["height"]) - level)
    size = -(-item["width"] // factor), -(-item["height"] // factor)
    ends = [min(place + shown, whole) for place, shown, whole in zip((left, top), SCREEN, size, strict=True)]
    return [
        f"/api/items/{item['id']}/tiles/{level}/{column}_{row}.jpg"
        for row in range(top // TILE, -(-ends[1] // TILE))
        for column in range(left // TILE, -(-ends[0] // TILE))
    ]


def first_picture(client: httpx.Client) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure what a page asks for until the whole slide is seen with its nuclei as points."""
    seconds = {"list": fetch(client, ["/", "/api/items"])}
    item = client.get("/api/items").json()["items"][0]
    layer = f"/api/items/{item['id']}/layers/result"
    level = max_level(item["width"], item["height"])
    while item["width"] / 2 ** (max_level(item["width"], item["height"]) - level) > SCREEN[1]:
        level -= 1
    seconds["whole slide"] = fetch(client, tiles_of(item, level, 0, 0))
    seconds["nuclei"] = fetch(client, [layer])
    seconds["places and probability"] = fetch(
        client, [f"{layer}/columns/{name}.f32" for name in ("x", "y", "probability")]
    )
    return seconds, item


def pans(client: httpx.Client, item: dict[str, Any]) -> tuple[float, list[float]]:
    """Measure moves by half a screen at full zoom; the first look at full zoom is given apart."""
    level, layer = max_level(item["width"], item["height"]), f"/api/items/{item['id']}/layers/result"
    known: set[str] = set()
    seconds = []
    for number in range(PANS + 1):
        left, top = item["width"] // 3 + number * SCREEN[0] // 2, item["height"] // 3
        right, bottom = left + SCREEN[0], top + SCREEN[1]
        cells = [
            f"{layer}/outlines/{column}_{row}.bin"
            for row in range(top // CELL, bottom // CELL + 1)
            for column in range(left // CELL, right // CELL + 1)
        ]
        new = [one for one in [*tiles_of(item, level, left, top), *cells] if one not in known]
        known.update(new)
        seconds.append(fetch(client, new))
    return seconds[0], seconds[1:]


FRAMES = """() => {
  const times = (window.frames_ = []);
  const next = (now) => { times.push(now); requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""


def in_browser(url: str, item: dict[str, Any]) -> dict[str, float]:
    """Open the page and move it, in Chromium without a graphics card; empty where that is not installed."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        return {}
    options = ["--no-sandbox", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        page = browser.new_page(viewport={"width": SCREEN[0], "height": SCREEN[1]})
        page.goto("about:blank")
        begun = time.perf_counter()
        page.goto(url)
        page.wait_for_selector("#view[aria-busy=false]", timeout=60_000)
        found = {"Chromium: first picture": time.perf_counter() - begun}
        page.goto(f"{url}#image={item['id']}&x={item['width'] / 2}&y={item['height'] / 2}&zoom=1")
        page.wait_for_selector("#drawn:has-text('outlines')", timeout=60_000)
        page.focus("#stage")
        page.evaluate(FRAMES)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")

        def worked() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

        before = worked()
        for _ in range(PANS):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(300)
        found["Chromium: work of the page for a move"] = (worked() - before) / PANS
        times = np.diff(page.evaluate("window.frames_")) / 1e3
        browser.close()
    return found | {
        "Chromium: a frame while it moves, median": float(np.median(times)),
        "Chromium: a frame while it moves, 95 of 100": float(np.percentile(times, 95)),
    }


def measure(folder: Path) -> dict[str, float]:
    """Start the viewer, and measure."""
    begun = time.perf_counter()
    process, url = start(folder)
    try:
        found = {"start of nuseg view": time.perf_counter() - begun}
        server = psutil.Process(process.pid)

        def processor() -> float:
            return sum(server.cpu_times()[:2])

        with httpx.Client(base_url=url, timeout=60) as client:
            before = processor()
            first, item = first_picture(client)
            found |= {f"first picture: {name}": value for name, value in first.items()}
            found["first picture, together"] = sum(first.values())
            found["first picture, processor time of the server"] = processor() - before
            look, moved = pans(client, item)
            found["first look at full zoom"] = look
            found["pan at full zoom, median"] = float(np.median(moved))
            found["pan at full zoom, slowest"] = max(moved)
        found["memory (MB)"] = server.memory_info().rss / 1e6
        found |= in_browser(url, item)
        return found
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nuclei", type=int, default=500_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "results").is_dir():
            print(f"{make_results(folder, options.nuclei):,} nuclei, {os.cpu_count()} processors")
        table = Table("", "s", title="nuseg view")
        for name, value in measure(folder).items():
            table.add_row(name, f"{value:.3f}")
        Console().print(table)


if __name__ == "__main__":
    main()
