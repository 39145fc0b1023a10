"""`nuseg segment` as real processes: several in one folder, told to stop, killed, and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import SOURCE, WIDE

from nuseg.io.image import write_png
from nuseg.results.records import MARKER
from slide_files import save_pyramid

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM and SIGKILL of this kind")

LONGEST = 60.0  # s that a test waits for a process
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(model_folder: Path) -> Iterator[Start]:
    """Start `nuseg segment`; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: object, path: Path | None = None) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "nuseg", "segment", "--model", model_folder, "--mpp", 0.25, "--threads", 1]
        paths = os.pathsep.join(map(str, [SOURCE, *([path] if path else [])]))
        process = subprocess.Popen(
            [*map(str, command), "--output", "csv", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **WIDE, "PYTHONPATH": paths},
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def make_images(folder: Path, names: str) -> Path:
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    for name in names:
        write_png(folder / f"{name}.png", pixels)
    return folder


def make_slide(path: Path, side: int) -> Path:
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[np.ix_(*[np.arange(side) % 20 < 8] * 2)] = 0
    return save_pyramid(path, pixels, (1, 2), compression=None)


def wait_for(happened: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < LONGEST
        time.sleep(0.02)


def rows(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "summary.csv", keep_default_na=False).set_index("name")


def test_two_processes_share_a_folder_and_no_row_is_lost(start: Start, tmp_path: Path) -> None:
    """Each has images of its own, and some that the other one has, too: these are done once."""
    out = tmp_path / "out"
    first, second, both = (make_images(tmp_path / name, name) for name in ("abcd", "efgh", "ijkl"))
    processes = [start(own, both, "-o", out) for own in (first, second)]
    said = [process.communicate(timeout=LONGEST) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    table = rows(out)
    assert list(table.index) == list("abcdefghijkl")
    assert set(table["nuclei"]) == {1}
    assert list((out / MARKER / "running").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_a_summary_and_advice(start: Start, tmp_path: Path, number: int, code: int) -> None:
    make_images(tmp_path / "in", "ab")
    make_slide(tmp_path / "in" / "slide.tif", 3000)
    out = tmp_path / "out"
    words = tmp_path / "in", "-o", out, "--tile", 64, "--no-tissue"
    process = start(*words)
    parts = out / "slide.partial"
    wait_for(lambda: parts.is_dir() and len(list(parts.glob("tile-*.npz"))) > 3)
    process.send_signal(number)
    begun = time.monotonic()
    printed, told = process.communicate(timeout=LONGEST)
    assert time.monotonic() - begun < 10, "a tile is done in milliseconds"
    assert process.returncode == code
    assert printed == ""
    lines = [line for line in told.splitlines() if "slide" not in line or "interrupted" in line]
    assert lines == [f"interrupted: 2 images done, see {out / 'summary.csv'}; give the same command again to go on"]
    assert list(rows(out).index) == ["a", "b"]
    assert list((out / MARKER / "running").iterdir()) == [], "the slide is to blame for nothing"
    done = len(list(parts.glob("tile-*.npz")))
    assert done > 3
    process = start(*words)
    wait_for(lambda: len(list(parts.glob("tile-*.npz"))) > done)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=LONGEST)
    assert "note: " not in told


DEADLY = """
import os, signal
import nuseg.io.opening as opening
known = opening.is_slide
def is_slide(path):
    if path.name == "b.png":
        os.kill(os.getpid(), signal.SIGSEGV)
    return known(path)
opening.is_slide = is_slide
"""


def test_an_image_that_kills_the_process_ends_the_batch_once(start: Start, tmp_path: Path) -> None:
    """A crash in native code while a file is looked at: the next run does the others, then says which one it was."""
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(DEADLY)
    words = make_images(tmp_path / "in", "abcd"), "-o", tmp_path / "out"
    ends = []
    for _ in range(3):
        process = start(*words, path=tmp_path / "patch")
        ends.append((*process.communicate(timeout=LONGEST), process.returncode))
    (_, _, first), (_, told, second), (printed, last, third) = ends
    assert (first, second, third) == (-signal.SIGSEGV, -signal.SIGSEGV, 1)
    assert "note: an earlier run ended without a word" in told
    assert str(tmp_path / "in" / "b.png") in told
    assert "b.png: the process died 2 times while it worked at this image" in last
    assert "1 image failed" in printed
    table = rows(tmp_path / "out")
    assert list(table.index) == list("abcd")
    assert table["nuclei"].to_dict() == {"a": "1", "b": "", "c": "1", "d": "1"}


def test_a_folder_that_vanishes_is_one_line(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_images(tmp_path / "in", "a")
    make_slide(tmp_path / "in" / "slide.tif", 1500)
    process = start(tmp_path / "in", "-o", out, "--tile", 64, "--no-tissue")
    wait_for(lambda: (out / "slide.partial").is_dir())
    out.rename(tmp_path / "moved")
    _, told = process.communicate(timeout=LONGEST)
    assert process.returncode == 1
    assert f"error: {out}: the folder of results vanished" in told
    assert "Traceback" not in told
