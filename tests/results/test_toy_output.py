"""An output from outside the package: one module and an entry point, and results are written in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nuseg
from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.model.store import Model
from nuseg.results.output import Output, written_whole

SOURCE = Path(__file__).resolve().parents[2] / "src"
TOY = """
from contextlib import contextmanager

from nuseg.io.atomic import atomic_path
from nuseg.results.output import Output


@contextmanager
def opened(path, result):
    with atomic_path(path) as temporary, temporary.open("w") as file:
        file.write(f"{result.info.name} {result.shape[0]} {result.mpp:g}\\n")
        yield lambda batch: file.writelines(f"{number} {area:g}\\n" for number, area in
                                            zip(batch.table["id"], batch.table["area_um2"]))


OUTPUT = Output(name="toy", suffix=".toy", help="numbers and areas", open=opened)
"""

Outside = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """White, with two dark squares of 64 and 100 px."""
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[4:12, 4:12] = pixels[20:30, 30:40] = 0
    write_png(tmp_path / "a.png", pixels)
    return tmp_path / "a.png"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """Runs nuseg in an environment where a package outside it is installed that brings the output `toy`."""
    site = tmp_path / "site"
    info = site / "toy_output-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "toy_output.py").write_text(TOY, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-output\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[nuseg.outputs]\ntoy = toy_output:OUTPUT\n", encoding="utf-8")
    environment = {**os.environ, "COLUMNS": "300", "PYTHONPATH": os.pathsep.join([str(SOURCE), str(site)])}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nuseg", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_the_command_writes_it(outside: Outside, picture: Path, tmp_path: Path) -> None:
    save_dark_model(tmp_path / "dark")
    words = ["--model", tmp_path / "dark", "--mpp", 0.25, "--output", "toy,csv"]
    done = outside("segment", picture, "-o", tmp_path / "out", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "toy" / "a.toy").read_text() == "a 40 0.25\n1 4\n2 6.25\n"
    assert (tmp_path / "out" / "csv" / "a.csv").read_text().count("\n") == 3


def test_the_help_and_the_refusal_name_it(outside: Outside, picture: Path, tmp_path: Path) -> None:
    text = " ".join(outside("segment", "--help").stdout.replace("│", " ").split())
    assert "toy: numbers and areas" in text
    done = outside("segment", picture, "-o", tmp_path / "out", "--output", "tin")
    assert done.returncode == 1
    assert "toy" in done.stderr
    assert "Traceback" not in done.stderr


def test_added_at_run_time(picture: Path, tmp_path: Path) -> None:
    def write(path: Path, result: nuseg.Segmentation) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(f"{len(result)}")

    nuseg.outputs.register(Output(name="count", suffix=".txt", help="how many", open=written_whole(write)))
    try:
        result = nuseg.segment(picture, 0.25, Model(CONFIG, Path("nowhere")), engine=dark_network)
        assert result.save(tmp_path, ["count"])["count"].read_text() == "2"
    finally:
        nuseg.outputs.unregister("count")
    with pytest.raises(NusegError, match=r"found count$"):
        result.save(tmp_path, ["count"])
