"""`nuseg segment` and `nuseg info` with names that are not UTF-8, long, or special to a shell, and with links."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run_cli, run_process

from nuseg.io.image import write_png
from nuseg.io.opening import open_source, read_image
from nuseg.segmentation.region import read_region


def make_image(path: Path) -> Path:
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    write_png(path.parent / "made.png", pixels)
    return (path.parent / "made.png").rename(path)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are UTF-8 on this system")
def test_a_name_that_is_not_utf_8_is_done_printed_and_summed_up(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    make_image(tmp_path / "good.png")
    folder.mkdir()
    make_image(folder / os.fsdecode(b"caf\xe9.png"))
    (folder / os.fsdecode(b"bad\xff\n\x1b[2J.png")).write_bytes(b"no image")
    (tmp_path / "good.png").rename(folder / "good.png")
    result = run_process("segment", folder, "-o", tmp_path / "out", "--model", model_folder, "--output", "csv,geojson")
    assert result.code == 1
    assert "Traceback" not in result.output
    assert "2 images: 2 nuclei" in result.out
    assert len(result.errors) == 1
    assert "bad\\xff\\n\\x1b[2J.png" in result.errors[0]
    assert "caf\\xe9.png" in result.err  # the note on its resolution
    table = pd.read_csv(tmp_path / "out" / "summary.csv", encoding="utf-8")
    assert len(table) == 3
    assert table["nuclei"].sum() == 2
    assert {Path(image).name for image in table["image"]} == {"caf\\xe9.png", "good.png", "bad\\xff\\n\\x1b[2J.png"}
    info = run_process("info", folder)
    assert info.code == 1
    assert "caf\\xe9.png" in info.out


def test_a_tilde_at_the_start_is_part_of_a_name(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    make_image(tmp_path / "~a.png")
    make_image(tmp_path / "~nobody-of-this-name.png")
    make_image(home / "b.png")
    words = "-o", "out", "--model", model_folder, "--mpp", 0.25, "--output", "csv"
    result = run_cli("segment", "~a.png", "~nobody-of-*.png", "~/b.png", *words)
    assert (result.code, result.err) == (0, "")
    assert "3 images: 3 nuclei" in result.out
    for name in ("~a.png", "~/b.png"):
        assert read_image(name).pixels.shape == (40, 50, 3)
        with open_source(name) as source:
            assert source.width == 50
    missing = run_cli("segment", "~no-such-user", *words)
    assert missing.err == "error: ~no-such-user: no such file or folder; check the path\n"
    (tmp_path / "~roi.geojson").write_text('{"type":"Polygon","coordinates":[[[0,0],[9,0],[9,9],[0,0]]]}')
    assert len(read_region("~roi.geojson").polygons) == 1


def test_links(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    image = make_image(folder / "a.png")
    (folder / "again.png").symlink_to(image)
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "other").symlink_to(folder)
    words = "-o", tmp_path / "out", "--model", model_folder, "--mpp", 0.25, "--output", "csv"
    result = run_cli("segment", folder, f"{tmp_path}/other/*.png", *words)
    assert result.code == 0
    assert "1 image: 1 nucleus" in result.out
    assert list(pd.read_csv(tmp_path / "out" / "summary.csv")["name"]) == ["a"]
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert f"1 link to nothing, such as lost.png (to {tmp_path / 'nowhere.png'}): left out" in notes[0]
    assert "1 further name of files that are taken already" in notes[-1]
    assert f"again.png (the same file as {image})" in notes[-1]
    alone = run_cli("segment", folder / "lost.png", *words)
    assert f"lost.png: a link to {tmp_path / 'nowhere.png'}, which is not there" in alone.err


def test_a_name_that_was_composed_otherwise_is_found(tmp_path: Path) -> None:
    make_image(tmp_path / "cafe\u0301.png")
    result = run_cli("info", tmp_path / "caf\u00e9.png")
    assert result.code == 0, result.err
    assert "50 x 40 px" in result.out


def test_images_and_labels_are_paired_whatever_the_composition(tmp_path: Path) -> None:
    """As where the images were copied over macOS, and the annotations were not."""
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(100, 255, (64, 64, 3)).astype(np.uint8)
        labels = np.zeros((64, 64), np.uint16)
        labels[10:20, 10:20], labels[30:42, 30:42] = 1, 2
        write_png(tmp_path / "in" / "images" / f"cafe\u0301{number}.png", pixels)
        write_png(tmp_path / "in" / "labels" / f"caf\u00e9{number}.png", labels)
    result = run_cli("prepare", tmp_path / "in", "-o", tmp_path / "dataset", "--mpp", 0.25)
    assert result.code == 0, result.err
