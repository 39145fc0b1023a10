"""`nuseg.segment_folder` in a few lines of Python does what `nuseg segment` does."""

from pathlib import Path

import numpy as np
import pandas as pd
from command_line import run_cli

import nuseg
from dark_model import save_dark_model
from nuseg.io.image import write_png
from nuseg.results.records import MARKER
from slide_files import save_pyramid


def files_of(folder: Path) -> dict[str, bytes]:
    """What was written, but the files that hold the time that it took."""
    paths = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "summary" and MARKER not in path.parts
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != "summary.csv"}


def test_ten_lines_of_python_do_what_the_command_does(tmp_path: Path) -> None:
    model = save_dark_model(tmp_path / "dark").path
    pixels = np.full((200, 240, 3), 255, np.uint8)
    pixels[20:40, 20:50] = pixels[100:130, 90:110] = 0
    write_png(tmp_path / "scans" / "a.png", pixels)
    save_pyramid(tmp_path / "scans" / "b.tif", pixels, (1, 2), 0.25, compression=None)
    (tmp_path / "scans" / "c.png").write_bytes(b"no image")
    words = ["--model", model, "--mpp", 0.25, "--tile", 64, "--region", "0,0,105,200"]
    done = run_cli("segment", tmp_path / "scans", tmp_path / "none.png", "-o", tmp_path / "command", *words)
    assert done.code == 1

    result = nuseg.segment_folder(
        [tmp_path / "scans", tmp_path / "none.png"],
        tmp_path / "python",
        mpp=0.25,
        model=model,
        tile=64,
        region="0,0,105,200",
    )

    written = files_of(tmp_path / "python")
    assert written == files_of(tmp_path / "command")
    assert {"csv/a.csv", "csv/b.csv", "mask/a.png", "geoparquet/b.parquet"} <= set(written)
    python, command = (
        pd.read_csv(tmp_path / name / "summary.csv").drop(columns="seconds") for name in ("python", "command")
    )
    pd.testing.assert_frame_equal(python, command, check_exact=True)
    assert done.errors == [*result.missing, *(row.error for row in result.failed)]
    assert f"{len(result.rows) - 1} images: {sum(row.nuclei or 0 for row in result.rows)} nuclei" in done.out
    assert [row.nuclei for row in result.rows] == [2, 2, None]
