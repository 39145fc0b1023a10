"""`nuseg segment` and `nuseg info` with files whose header lies: one line for each, and the good image is done."""

from pathlib import Path

import cv2
import pandas as pd
from command_line import run_cli

from hard_files import field
from hostile_files import HOSTILE_FILES


def test_each_is_one_line_and_the_good_image_is_done(tmp_path: Path, model_folder: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    paths = {}
    for number, hostile in enumerate(HOSTILE_FILES.values()):
        path = folder / f"{number:03d}{hostile.name}"
        hostile.write(path)
        paths[str(path)] = hostile
    cv2.imwrite(str(folder / "good.png"), field()[..., ::-1])
    out = tmp_path / "out"
    result = run_cli("segment", folder, "-o", out, "--model", model_folder, "--mpp", "0.5", "--output", "csv,summary")
    assert result.code == 1
    assert sorted(line.split(":")[0] for line in result.errors) == sorted(paths)
    others = [line for line in result.err.splitlines() if not line.startswith("error: ")]
    assert [line.split(",")[0] for line in others] == ["images"] * len(others), "progress alone"
    table = pd.read_csv(out / "summary.csv").set_index("name")
    assert table.loc["good", "nuclei"] == 4
    assert table["error"].notna().sum() == len(paths)


def test_info_says_the_same(tmp_path: Path) -> None:
    for name in ("JPEG of 6 kB that claims 30000", "SVS, TileWidth of 2147483647", "TIFF, samples as fraction"):
        hostile = HOSTILE_FILES[name]
        path = tmp_path / hostile.name
        hostile.write(path)
        result = run_cli("info", path)
        assert result.code == 1
        (line,) = result.err.splitlines()
        assert line.startswith(f"error: {path}: ")
        assert hostile.refused in line
