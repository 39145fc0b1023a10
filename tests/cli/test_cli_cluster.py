"""`--cluster` and `--shard` on the command line."""

import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import check_one_error, check_usage_error, run_cli, run_process

from nuseg.io.image import write_png
from nuseg.results import summary
from nuseg.results.records import MARKER
from nuseg.segmentation import cluster as module
from slide_files import save_pyramid


@pytest.fixture
def words(model_folder: Path, tmp_path: Path) -> list[object]:
    """Arguments for two images and a slide."""
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[np.ix_(*[np.arange(300) % 20 < 8] * 2)] = 0
    (tmp_path / "in").mkdir()
    save_pyramid(tmp_path / "in" / "s.tif", pixels, (1, 2), compression=None)
    for name in "ab":
        write_png(tmp_path / "in" / f"{name}.png", pixels[:40, :50])
    return ["segment", tmp_path / "in", "--model", model_folder, "--tile", 64, "--output", "csv,geojson"]


def contents(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*") if path.is_file() and MARKER not in path.parts]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.name != summary.FILE}


@pytest.mark.skipif(sys.platform == "win32", reason="starts processes slowly")
def test_processes_of_this_machine_give_the_same_bytes(words: list[object], tmp_path: Path) -> None:
    """As a process of its own, which starts others: they import its main module, and must not run it."""
    assert run_cli(*words, "-o", tmp_path / "one").code == 0
    result = run_process(*words, "-o", tmp_path / "many", "--cluster", "local:1", "--threads", 1)
    assert result.code == 0, result
    assert "3 images: " in result.out
    told = [line for line in result.err.splitlines() if "tiles of all slides" not in line]
    assert all(line.startswith("warning: ") and "um/px" in line for line in told), told
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_shards_on_the_command_line(words: list[object], tmp_path: Path) -> None:
    for number in (1, 2):
        assert run_cli(*words, "-o", tmp_path / "many", "--shard", f"{number}/2").code == 0
    assert run_cli(*words, "-o", tmp_path / "one").code == 0
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert [row.name for row in summary.read(tmp_path / "many" / "summary.csv")] == ["a", "b", "s"]
    check_one_error(run_cli(*words, "-o", tmp_path / "out", "--shard", "3/2"), "--shard", "3/2", "from 1 to N")


@pytest.mark.parametrize("given", ["", "3", "1/", "a/b", "1/2/3", "-1/2", "1.5/2", "\u0663/8"])
def test_shards_that_are_none(words: list[object], tmp_path: Path, given: str) -> None:
    check_usage_error(run_cli(*words, "-o", tmp_path / "out", f"--shard={given}"), "K/N")


@pytest.mark.parametrize("address", ["local:none", "tcp://127.0.0.1:1"])
def test_clusters_that_are_none(
    words: list[object], tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.3)
    check_one_error(run_cli(*words, "-o", tmp_path / "out", "--cluster", address), "--cluster", address)


def test_a_missing_package_is_named(words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda _name: None)
    result = run_cli(*words, "-o", tmp_path / "out", "--cluster", "local:1")
    check_one_error(result, "needs the package distributed: pip install 'nuseg[cluster]'")
